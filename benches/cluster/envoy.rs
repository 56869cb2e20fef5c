//! Envoy as `examples/envoy.yaml` sets it up, on ports of its own.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint};

use super::{
    Failure,
    plan::{Folder, PATIENCE, Plan},
    tools::{Running, in_checkout, tool},
};

/// The example.
const EXAMPLE: &str = "examples/envoy.yaml";

/// Time between looks at what is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Running,
    folder: Folder,
    admin: SocketAddr,
    callers: SocketAddr,
}

impl Envoy {
    /// Checks the example and starts Envoy with it, with or without its retries, before servers that are to be named
    /// yet.
    pub async fn start(plan: &Plan, retries: bool) -> Result<Self, Failure> {
        let program = tool("envoy").ok_or("Envoy is not installed (scripts/tools.sh cluster)")?;
        let folder = plan.folder("envoy")?;
        let endpoints = folder.write("endpoints.yaml", &list(&[]))?;
        let mut config = fs::read_to_string(in_checkout(EXAMPLE))?;
        let tries = if retries {
            "num_retries: 2"
        } else {
            "num_retries: 0"
        };
        for (from, to) in [
            ("port_value: 9901", "port_value: 0"),
            ("port_value: 50050", "port_value: 0"),
            (
                "path: /etc/envoy/endpoints.yaml",
                &format!("path: {endpoints}"),
            ),
            ("num_retries: 2", tries),
        ] {
            if !config.contains(from) {
                return Err(format!("{EXAMPLE} does not say {from:?}").into());
            }
            config = config.replace(from, to);
        }
        let config = folder.write("envoy.yaml", &config)?;
        let log = folder.path("envoy.log");
        let check = ["--mode", "validate", "--config-path", &config];
        let mut check = Running::start(&program, check, Path::new(&log))?;
        check.succeeded(PATIENCE).await?;

        let address = folder.path("admin");
        let arguments = [
            "--config-path",
            &config,
            "--admin-address-path",
            &address,
            "--disable-hot-restart",
            "--log-level",
            "warning",
        ];
        let mut process = Running::start(&program, arguments, Path::new(&log))?;
        let began = Instant::now();
        let (admin, callers) = loop {
            if let Ok(admin) = fs::read_to_string(&address)
                && let Ok(admin) = admin.trim().parse()
                && let Ok(listeners) = page(admin, "listeners")
                && let Some(callers) = listeners.trim().strip_prefix("callers::")
                && page(admin, "ready").is_ok()
            {
                break (admin, callers.parse()?);
            }
            if !process.is_alive() || began.elapsed() > PATIENCE {
                return Err(format!("Envoy does not start: {}", process.last_line()).into());
            }
            sleep(LOOK).await;
        };
        Ok(Self {
            process,
            folder,
            admin,
            callers,
        })
    }

    /// Names the servers: a new file, moved into place.
    pub fn name(&self, servers: &[SocketAddr]) -> Result<(), Failure> {
        self.folder.write("endpoints.yaml", &list(servers))?;
        Ok(())
    }

    /// Waits until Envoy takes so many servers, and no others, for healthy.
    pub async fn knows(&self, servers: usize) -> Result<(), Failure> {
        let began = Instant::now();
        loop {
            let page = page(self.admin, "clusters")?;
            let flags = page
                .lines()
                .filter(|line| line.contains("::health_flags::"));
            let all = flags.clone().count();
            let healthy = flags.filter(|line| line.ends_with("::healthy")).count();
            if (all, healthy) == (servers, servers) {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("Envoy knows {healthy} of {servers} servers").into());
            }
            sleep(LOOK).await;
        }
    }

    /// A connection to it.
    pub fn channel(&self) -> Result<Channel, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.callers))?;
        Ok(endpoint.connect_lazy())
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// A page of its own port; an error where that does not answer with 200.
fn page(admin: SocketAddr, name: &str) -> Result<String, Failure> {
    let mut answer = ureq::get(format!("http://{admin}/{name}")).call()?;
    Ok(answer.body_mut().read_to_string()?)
}

/// The file that names the servers, in the form of `examples/envoy-endpoints.yaml`.
fn list(servers: &[SocketAddr]) -> String {
    let head = "resources:\n  - \"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n    \
                cluster_name: tagwerk\n";
    if servers.is_empty() {
        return head.to_owned();
    }
    let server = |server: &SocketAddr| {
        format!(
            "          - endpoint: {{address: {{socket_address: {{address: {}, port_value: {}}}}}}}\n",
            server.ip(),
            server.port()
        )
    };
    let servers: String = servers.iter().map(server).collect();
    format!("{head}    endpoints:\n      - lb_endpoints:\n{servers}")
}
