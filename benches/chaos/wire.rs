//! HTTP/2 by hand, so that it can be wrong (RFC 9113 and RFC 7541).

/// What a connection begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// Largest frame that everybody has to take.
const FRAME_BYTES: usize = 16_384;

/// The code of a reset by the caller.
const CANCEL: u32 = 8;

/// A frame as it should be.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The preface and empty settings.
pub fn greeting() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// The head of a call of this method, with further headers, in as many frames as it takes.
pub fn head(stream: u32, method: &str, further: &[(&str, &[u8])]) -> Vec<u8> {
    let path = format!("/tagwerk.v1.TaggingService/{method}");
    let mut block = Vec::new();
    let fixed: [(&str, &[u8]); 6] = [
        (":method", b"POST"),
        (":scheme", b"http"),
        (":path", path.as_bytes()),
        (":authority", b"chaos"),
        ("content-type", b"application/grpc"),
        ("te", b"trailers"),
    ];
    for (name, value) in fixed.iter().chain(further) {
        header(&mut block, name, value);
    }
    let mut frames = Vec::new();
    let pieces = block.chunks(FRAME_BYTES);
    let last = pieces.len() - 1;
    for (number, piece) in pieces.enumerate() {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        let flags = if number == last { END_HEADERS } else { 0 };
        frames.extend(frame(kind, flags, stream, piece));
    }
    frames
}

/// A message of gRPC as it should be: flag, length, content.
pub fn message(flag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut message = vec![flag];
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(content);
    message
}

/// The end of a stream from this side.
pub fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

/// A literal header that no table remembers.
fn header(block: &mut Vec<u8>, name: &str, value: &[u8]) {
    block.push(0);
    for part in [name.as_bytes(), value] {
        length(block, part.len());
        block.extend_from_slice(part);
    }
}

/// An integer of seven bits and as many more as it takes.
fn length(block: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 0x7F;
    let Some(mut rest) = length.checked_sub(PREFIX) else {
        block.push(length as u8);
        return;
    };
    block.push(PREFIX as u8);
    while rest >= 0x80 {
        block.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    block.push(rest as u8);
}
