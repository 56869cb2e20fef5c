//! The gRPC port: bytes, frames and messages of any value.

use proptest::prelude::*;
use prost::Message as _;
use tagwerk::proto::tagwerk::v1::TagRequest;
use tonic::Code;

use crate::{
    changes::changes,
    ports,
    support::{document, raw, server, tag},
};

const TAG: &str = "/tagwerk.v1.TaggingService/Tag";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds and flags of HTTP/2 frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

/// The head of a call, without compression.
fn head(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "test"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let literal = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let field = |(name, value)| [vec![0], literal(name), literal(value)].concat();
    fields.into_iter().flat_map(field).collect()
}

/// A message as gRPC frames it.
fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

fn request() -> TagRequest {
    tag(document("1", "Jana Roth aus Kiel"))
}

/// All that a caller sends for one call.
fn call(data: &[u8]) -> Vec<u8> {
    [
        PREFACE.to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 1, &head(TAG)),
        frame(DATA, END_STREAM, 1, data),
    ]
    .concat()
}

fn some(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..longest)
}

fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let honest = call(&framed(&request().encode_to_vec()));
    let any_frame = (0..12_u8, any::<u8>(), 0..6_u32, some(60));
    let any_frame =
        any_frame.prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload));
    let frames = prop::collection::vec(any_frame, 0..12)
        .prop_map(|frames| frames.concat())
        .boxed();
    let behind = move |head: Vec<u8>| {
        frames
            .clone()
            .prop_map(move |frames| [head.clone(), frames].concat())
    };
    let open = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[])].concat();
    let in_call = [open.clone(), frame(HEADERS, END_HEADERS, 1, &head(TAG))].concat();
    prop_oneof![
        1 => some(300),
        4 => changes().prop_map(move |changes| changes.of(&honest)),
        3 => behind(open),
        2 => behind(in_call),
        2 => some(80).prop_map(|data| call(&data)),
        2 => (any::<u8>(), any::<u32>(), some(80)).prop_map(|(flag, length, data)| {
            call(&[&[flag], &length.to_be_bytes()[..], &data].concat())
        }),
    ]
}

/// Fields of any number and kind, one inside the other.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let field = |number: u8, kind: u8, value: &[u8]| [&[number << 3 | kind], value].concat();
    let scalar = (1..16_u8, prop::sample::select(vec![0, 1, 5]), some(10));
    let scalar = scalar.prop_map(move |(number, kind, value)| field(number, kind, &value));
    scalar.prop_recursive(4, 24, 4, move |inner| {
        let inside = prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|fields| fields.concat()),
            any::<String>().prop_map(String::into_bytes),
            some(20),
        ];
        (1..6_u8, inside).prop_map(move |(number, mut inside)| {
            inside.truncate(127);
            field(
                number,
                2,
                &[&[inside.len() as u8], inside.as_slice()].concat(),
            )
        })
    })
}

#[test]
fn the_grpc_port_withstands_any_bytes() {
    ports::withstands(conversation(), async |server, bytes| {
        ports::send(server.grpc, &bytes).await;
    });
}

#[test]
fn any_message_is_answered_or_refused() {
    let honest = request().encode_to_vec();
    let messages = prop_oneof![
        some(200),
        fields(),
        changes().prop_map(move |changes| changes.of(&honest)),
    ];
    ports::withstands(messages, async |server, message| {
        if let Err(status) = raw::unary(server, TAG, &message).await {
            let refused = matches!(status.code(), Code::Internal | Code::InvalidArgument);
            assert!(refused, "{status:?}");
        }
    });
}

/// Without this, the frames above might never get as far as a call.
#[tokio::test]
async fn an_honest_call_in_such_frames_is_answered() {
    let server = server().await;
    let honest = call(&framed(&request().encode_to_vec()));
    ports::answers(server.grpc, &honest, b"Jana Roth").await;
}
