// How the server is reached: address, TLS, credentials, and the settings of the channel.
import { readFileSync } from "node:fs";

import { fromBinary, toBinary, create } from "@bufbuild/protobuf";
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client as GrpcClient,
  Metadata,
  credentials,
} from "@grpc/grpc-js";

import {
  GetInfoRequestSchema,
  type GetInfoResponse,
  GetInfoResponseSchema,
  type TagResponse,
  TagResponseSchema,
  type TagStreamResponse,
  TagStreamResponseSchema,
} from "./proto/tagwerk/v1/tagging_service_pb.js";

const SERVICE = "tagwerk.v1.TaggingService";

/** A PEM file: its path, or its bytes. */
export type Pem = string | URL | Uint8Array;

/** A key or token, or what gives it: asked for each call, so that a new one is taken up. */
export type Secret = string | (() => string | Promise<string>);

/** How the server is reached. */
export interface Settings {
  /** The API key that shows who calls. */
  apiKey?: Secret;
  /** The JSON web token that shows who calls. */
  token?: Secret;
  /** Of the authority that issued the server's certificate, where it is no public one. */
  rootCertificates?: Pem;
  /** The certificate that shows who calls. */
  clientCertificate?: Pem;
  /** Its private key. */
  clientKey?: Pem;
  /** The name in the server's certificate, where it is not that of the address. */
  serverName?: string;
  /** Milliseconds that a call of `tag` or `info` may take, retries included; 30,000 where none is given. */
  timeout?: number;
  /** Further options of the gRPC channel. */
  channelOptions?: ChannelOptions;
}

const SERVICE_CONFIG = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [
        { service: SERVICE, method: "Tag" },
        { service: SERVICE, method: "GetInfo" },
      ],
      // RESOURCE_EXHAUSTED is missing on purpose: gRPC's own retries don't read RetryInfo.
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.2s",
        maxBackoff: "10s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
  retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
});

const OPTIONS: ChannelOptions = {
  "grpc.service_config": SERVICE_CONFIG,
  // Silence after which a connection is probed, and the time to answer the probe.
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // An answer is several times as long as its text; the usual 4 MiB would refuse answers for large documents.
  "grpc.max_receive_message_length": 256 << 20,
  "grpc.max_send_message_length": -1,
  // A server that starts again is found at once, and one that stays away not only after two minutes.
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 10_000,
};

/** A method of the service. Its requests are encoded already. */
export interface Method<Response> {
  path: string;
  decode(bytes: Uint8Array): Response;
}

export const TAG: Method<TagResponse> = {
  path: `/${SERVICE}/Tag`,
  decode: (bytes) => fromBinary(TagResponseSchema, bytes),
};
export const GET_INFO: Method<GetInfoResponse> = {
  path: `/${SERVICE}/GetInfo`,
  decode: (bytes) => fromBinary(GetInfoResponseSchema, bytes),
};
export const TAG_STREAM: Method<TagStreamResponse> = {
  path: `/${SERVICE}/TagStream`,
  decode: (bytes) => fromBinary(TagStreamResponseSchema, bytes),
};

/** Encoded requests as gRPC wants them. */
export const encoded = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A call for a description of the server. */
export const INFO_REQUEST = toBinary(GetInfoRequestSchema, create(GetInfoRequestSchema));

/** A connection to the server. */
export class Access {
  readonly channel: GrpcClient;
  readonly #header: string;
  readonly #secret: Secret | undefined;

  constructor(server: string, settings: Settings) {
    const [, scheme, address] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(server) ?? [undefined, undefined, server];
    if (!address || /^\/*$/.test(address)) {
      throw new RangeError(`server must be host:port, http://host:port or https://host:port, not "${server}"`);
    }
    const { rootCertificates, clientCertificate, clientKey, apiKey, token, serverName } = settings;
    if ((clientCertificate === undefined) !== (clientKey === undefined)) {
      throw new RangeError("clientCertificate and clientKey come together");
    }
    if (apiKey !== undefined && token !== undefined) throw new RangeError("give apiKey or token, not both");
    const hasCertificates = rootCertificates !== undefined || clientCertificate !== undefined;
    if (scheme === "http" && hasCertificates) throw new RangeError(`certificates need https, not "${server}"`);
    // Other schemes are gRPC's own names of servers, such as dns:/// and unix://.
    const target = !scheme || scheme === "http" || scheme === "https" ? address.replace(/\/+$/, "") : server;
    const safe: ChannelCredentials =
      scheme === "https" || hasCertificates
        ? credentials.createSsl(content(rootCertificates), content(clientKey), content(clientCertificate))
        : credentials.createInsecure();
    this.channel = new GrpcClient(target, safe, {
      ...OPTIONS,
      ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
      ...settings.channelOptions,
    });
    this.#header = token === undefined ? "x-api-key" : "authorization";
    this.#secret = token ?? apiKey;
  }

  /** What a call shows of the caller. */
  async metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.#secret !== undefined) {
      const secret = (typeof this.#secret === "function" ? await this.#secret() : this.#secret).trim();
      metadata.set(this.#header, this.#header === "authorization" ? `Bearer ${secret}` : secret);
    }
    return metadata;
  }
}

function content(pem: Pem | undefined): Buffer | null {
  if (pem === undefined) return null;
  return pem instanceof Uint8Array ? Buffer.from(pem) : readFileSync(pem);
}
