//! Compiles the protobuf files without protoc and points the binary at libtorch.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let files = ["proto/tagwerk/v1/tagging_service.proto"];
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(files)?;
    let descriptors = compiler.file_descriptor_set();
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &encoded)?;

    tonic_prost_build::configure()
        .extern_path(".google.rpc", "::tonic_types::pb")
        .compile_fds(descriptors)?;
    // The JSON form of answers. The stream's envelope never appears as JSON.
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .exclude([".tagwerk.v1.TagStreamResponse"])
        .emit_fields()
        .build(&[".tagwerk.v1"])?;

    // Found through `links = "torch-sys"`; the binary then starts without LD_LIBRARY_PATH. The second path is
    // for installations that keep libtorch beside the binary.
    if let Ok(libtorch) = env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
    Ok(())
}
