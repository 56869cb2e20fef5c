//! What the chart says of pods and their replacement, read from what it renders with its default values.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{
    Failure,
    tools::{in_checkout, tool},
};

/// YAML documents to one list in JSON.
const TO_JSON: &str =
    "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";

/// How pods start, end and are replaced.
#[derive(Debug, Clone, Copy)]
pub struct Chart {
    /// Pods.
    pub replicas: usize,
    /// Pods beyond that in an update.
    pub max_surge: usize,
    /// Pods short of that in an update.
    pub max_unavailable: usize,
    /// Time between the questions whether a pod has started.
    pub startup_period: Duration,
    /// Time between the questions whether a pod is ready.
    pub readiness_period: Duration,
    /// Time for an answer to the latter.
    pub readiness_timeout: Duration,
    /// Time between the decision and SIGTERM.
    pub pre_stop: Duration,
    /// Time that the server gives calls in flight after SIGTERM.
    pub grace: Duration,
    /// Time from the decision until the pod is killed.
    pub termination: Duration,
}

impl Chart {
    /// Renders the chart.
    ///
    /// # Errors
    /// Tools that are missing, and numbers that are given as percent.
    pub fn rendered() -> Result<Self, Failure> {
        let helm = tool("helm").ok_or("helm is not installed (scripts/helm.sh)")?;
        let python = tool("python").ok_or("no Python (scripts/tools.sh helm)")?;
        let mut render = Command::new(helm);
        render
            .args(["template", "tagger"])
            .arg(in_checkout("helm/tagwerk"))
            .args(["--set", "auth.insecure=true"]);
        let rendered = output(render, &[])?;
        let mut convert = Command::new(python);
        convert.args(["-c", TO_JSON]);
        let objects: Vec<Value> = serde_json::from_slice(&output(convert, &rendered)?)?;
        let object = |kind: &str| {
            let object = objects.iter().find(|object| object["kind"] == kind);
            object.ok_or_else(|| format!("the chart renders no {kind}"))
        };
        let spec = &object("Deployment")?["spec"];
        let pod = &spec["template"]["spec"];
        let container = &pod["containers"][0];
        let settings = object("ConfigMap")?["data"]["tagwerk.toml"].as_str();
        let settings: toml::Table = settings.ok_or("no settings")?.parse()?;
        let grace = settings
            .get("server")
            .and_then(|server| server.get("grace_seconds"));
        let grace = grace.and_then(toml::Value::as_integer).ok_or("no grace")?;
        let update = &spec["strategy"]["rollingUpdate"];
        let readiness = &container["readinessProbe"];
        Ok(Self {
            replicas: number(&spec["replicas"])?,
            max_surge: number(&update["maxSurge"])?,
            max_unavailable: number(&update["maxUnavailable"])?,
            startup_period: seconds(&container["startupProbe"]["periodSeconds"])?,
            readiness_period: seconds(&readiness["periodSeconds"])?,
            readiness_timeout: seconds(&readiness["timeoutSeconds"])?,
            pre_stop: seconds(&container["lifecycle"]["preStop"]["sleep"]["seconds"])?,
            grace: Duration::from_secs(u64::try_from(grace)?),
            termination: seconds(&pod["terminationGracePeriodSeconds"])?,
        })
    }
}

fn number(value: &Value) -> Result<usize, Failure> {
    let number = value.as_u64().and_then(|number| number.try_into().ok());
    Ok(number.ok_or_else(|| format!("the chart renders {value} for a number"))?)
}

fn seconds(value: &Value) -> Result<Duration, Failure> {
    Ok(Duration::from_secs(number(value)?.try_into()?))
}

/// What a program says, given this on its standard input.
fn output(mut command: Command, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(input)?;
    }
    let ended = process.wait_with_output()?;
    match ended.status.success() {
        true => Ok(ended.stdout),
        false => Err(format!("{}: {}", command.get_program().display(), ended.status).into()),
    }
}
