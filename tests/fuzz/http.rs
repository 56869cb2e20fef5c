//! The HTTP port.

use proptest::prelude::*;

use crate::{changes::changes, ports};

const HONEST: &[u8] =
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: close\r\n\r\n";

/// Requests of the right form with anything in their places, and heads without end.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = "GET|HEAD|POST|OPTIONS|CONNECT|PRI|[A-Za-z]{1,9}";
    let path = "/|\\*|/metrics|/readyz|//|/%[0-9a-f]{0,2}|/\\.\\./[a-z]{0,9}|http://[a-z:/@]{0,9}|/[!-~]{0,40}";
    let field = "(Content-Length: [0-9-]{1,20}|Transfer-Encoding: (chunked|gzip|[a-z, ]{1,9})|Expect: 100-continue\
                 |Upgrade: (h2c|websocket)|Host: ?[!-~]{0,20}|[A-Za-z-]{1,12}: ?[ -~]{0,30}|[ -~]{0,20})";
    let head = (
        method,
        path,
        "HTTP/1.[01]|HTTP/2.0|HTTP/[0-9.]{0,5}",
        prop::collection::vec(field, 0..8),
    );
    let head = head.prop_map(|(method, path, version, fields)| {
        format!(
            "{method} {path} {version}\r\n{}\r\n\r\n",
            fields.join("\r\n")
        )
        .into_bytes()
    });
    let body = prop::collection::vec(any::<u8>(), 0..60);
    let with_body = (head, body).prop_map(|(head, body)| [head, body].concat());
    let endless = prop::sample::select(vec!["A: b\r\n", "a", "\r\n", " ", "A:"]);
    let endless = (endless, 1..200_000_usize)
        .prop_map(|(part, times)| format!("GET / HTTP/1.1\r\n{}", part.repeat(times)).into_bytes());
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..300),
        3 => changes().prop_map(|changes| changes.of(HONEST)),
        4 => with_body,
        1 => endless,
    ]
}

#[test]
fn the_http_port_withstands_any_bytes() {
    ports::withstands(request(), async |server, bytes| {
        ports::send(server.http, &bytes).await;
    });
}
