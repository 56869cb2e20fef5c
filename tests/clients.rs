//! The clients under `clients/`: their own tests, run against this program.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with an authority's certificate, and those of a server and of a client that it has issued.
fn certificates(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for (file, name) in [("server", "tagwerk.test"), ("client", "ingest.test")] {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        fs::write(folder.join(format!("{file}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
    folder
}

/// Runs a command to its end. What it said is shown where it fails.
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        said(&output.stdout),
        said(&output.stderr)
    );
}

/// A command that finds the program to test and certificates.
fn suite(program: &Path, name: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("TAGWERK_PROGRAM", env!("CARGO_BIN_EXE_tagwerk"))
        .env("TAGWERK_CERTIFICATES", certificates(name))
        // What the libraries say of refused handshakes.
        .env("GRPC_VERBOSITY", "NONE");
    command
}

#[test]
fn the_python_client_passes_its_tests() {
    let tools = support::tools("client");
    // Large, and not to be had for every Python: where it can't be installed, its tests are skipped.
    let extras = Command::new(root().join("scripts/tools.sh"))
        .arg("frames")
        .status();
    if !extras.unwrap().success() {
        eprintln!("The tests that need pandas and spaCy are skipped.");
    }
    let package = root().join("clients/python");
    run(suite(&tools.join("python"), "clients-python")
        .args([
            "-W",
            "error::ResourceWarning",
            "-m",
            "unittest",
            "discover",
            "--verbose",
        ])
        .args(["--start-directory", "tests"])
        .current_dir(&package)
        .env("PYTHONPATH", package.join("src"))
        .env("PYTHONDONTWRITEBYTECODE", "1"));
}

#[test]
fn the_node_client_passes_its_tests() {
    let tools = support::tools("node");
    run(&mut Command::new(root().join("scripts/node-packages.sh")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools.clone()).chain(std::env::split_paths(&path));
    run(suite(&tools.join("npm"), "clients-node")
        .args(["test", "--silent"])
        .current_dir(root().join("clients/node"))
        .env("PATH", std::env::join_paths(path).unwrap()));
}
