//! `tagwerk health`: asks a server for its health.

use std::{process::ExitCode, time::Duration};

use clap::{Args, value_parser};
use tonic::{Code, Request, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::client::{AccessArgs, ServerAddress, connect};

/// The arguments of `tagwerk health`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct HealthArgs {
    /// The server, as host:port, http://host:port or https://host:port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50051")]
    pub server: ServerAddress,

    /// The service to ask for, for example tagwerk.v1.TaggingService; empty asks for the whole server
    #[arg(long, value_name = "NAME", default_value = "")]
    pub service: String,

    /// How many seconds to wait, first for the connection and then for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = value_parser!(u64).range(1..=3600))]
    pub timeout: u64,

    /// What the server asks of its callers.
    #[command(flatten)]
    pub access: AccessArgs,
}

const EXAMPLES: &str = "\
Prints SERVING, NOT_SERVING, UNKNOWN or SERVICE_UNKNOWN. Exit code 0 only for SERVING.

Examples:
  tagwerk health
  tagwerk health --server tagger:50051 --service tagwerk.v1.TaggingService";

/// Asks once and prints the answer. The exit code is 0 only where the server is serving.
pub async fn run(args: HealthArgs) -> ExitCode {
    match check(&args).await {
        Ok(status) => {
            println!("{}", status.as_str_name());
            match status {
                ServingStatus::Serving => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        }
        Err(message) => {
            eprintln!("tagwerk: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn check(args: &HealthArgs) -> Result<ServingStatus, String> {
    let timeout = Duration::from_secs(args.timeout);
    let channel = connect(&args.server, &args.access, timeout).await?;
    let mut request = Request::new(HealthCheckRequest {
        service: args.service.clone(),
    });
    request.set_timeout(timeout);
    let mut client = HealthClient::new(channel);
    let answer = client.check(request);
    // The deadline in the request binds the server; this one binds us where it does not answer.
    match tokio::time::timeout(timeout, answer).await {
        Ok(Ok(response)) => Ok(response.into_inner().status()),
        Ok(Err(status)) => interpret(args, &status),
        Err(_) => Err(format!(
            "{} did not answer within {} s",
            args.server, args.timeout
        )),
    }
}

/// The protocol answers with NOT_FOUND for a service that the server does not know.
fn interpret(args: &HealthArgs, status: &Status) -> Result<ServingStatus, String> {
    match status.code() {
        Code::NotFound => Ok(ServingStatus::ServiceUnknown),
        Code::Unimplemented => Err(format!("{} has no health service", args.server)),
        code => Err(format!(
            "{}: {}: {}",
            args.server,
            code.description(),
            status.message()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic_health::ServingStatus as Reported;

    fn args(port: u16, service: &str) -> HealthArgs {
        HealthArgs {
            server: format!("127.0.0.1:{port}").parse().unwrap(),
            service: service.to_owned(),
            timeout: 5,
            access: AccessArgs::default(),
        }
    }

    #[tokio::test]
    async fn the_status_of_each_service_is_told() {
        let (reporter, service) = tonic_health::server::health_reporter();
        reporter.set_service_status("up", Reported::Serving).await;
        reporter
            .set_service_status("down", Reported::NotServing)
            .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);

        for (service, expected) in [
            ("", ServingStatus::Serving),
            ("up", ServingStatus::Serving),
            ("down", ServingStatus::NotServing),
            ("elsewhere", ServingStatus::ServiceUnknown),
        ] {
            assert_eq!(check(&args(port, service)).await, Ok(expected), "{service}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_an_error_with_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = check(&args(port, "")).await.expect_err("nobody listens");
        assert!(
            error.starts_with(&format!("cannot connect to 127.0.0.1:{port}: ")),
            "{error}"
        );
    }
}
