//! Calls with bytes of the test's choice, where a generated client sends valid messages only.

use bytes_of::{BytesCodec, Message};
use tonic::{Request, Response, Status, client::Grpc, codegen::http::uri::PathAndQuery};

use super::TestServer;

/// Sends these bytes as the message of a unary call.
pub async fn unary(
    server: &TestServer,
    path: &'static str,
    message: &[u8],
) -> Result<Response<Message>, Status> {
    let mut grpc = Grpc::new(server.channel().await);
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static(path);
    let request = Request::new(message.to_vec());
    grpc.unary(request, path, BytesCodec).await
}

mod bytes_of {
    use tonic::{
        Status,
        codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
        codegen::Bytes,
    };

    /// A message as it is on the wire.
    pub type Message = Vec<u8>;

    /// Takes messages for bytes.
    #[derive(Clone, Copy)]
    pub struct BytesCodec;

    impl Codec for BytesCodec {
        type Encode = Message;
        type Decode = Message;
        type Encoder = Self;
        type Decoder = Self;

        fn encoder(&mut self) -> Self {
            *self
        }

        fn decoder(&mut self) -> Self {
            *self
        }
    }

    impl Encoder for BytesCodec {
        type Item = Message;
        type Error = Status;

        fn encode(&mut self, message: Message, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
            use prost::bytes::BufMut as _;
            buffer.put(Bytes::from(message));
            Ok(())
        }
    }

    impl Decoder for BytesCodec {
        type Item = Message;
        type Error = Status;

        fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Message>, Status> {
            use prost::bytes::Buf as _;
            let bytes = buffer.copy_to_bytes(buffer.remaining());
            Ok(Some(bytes.to_vec()))
        }
    }
}
