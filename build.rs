//! Compiles the protobuf files without protoc and points the binary at libtorch.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Two sets, since a server that does not offer the second does not tell of it either.
    let sets = [
        ("tagwerk", vec!["proto/tagwerk/v1/tagging_service.proto"]),
        (
            "google",
            vec![
                "proto/google/cloud/language/v1/language_service.proto",
                "proto/google/cloud/language/v2/language_service.proto",
            ],
        ),
    ];
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");

    for (name, files) in sets {
        let mut compiler = protox::Compiler::new(["proto"])?;
        compiler.include_source_info(true).include_imports(true);
        compiler.open_files(files)?;
        let encoded = compiler.encode_file_descriptor_set();
        fs::write(out.join(format!("{name}.bin")), encoded)?;
        tonic_prost_build::configure()
            .extern_path(".google.rpc", "::tonic_types::pb")
            .compile_fds(compiler.file_descriptor_set())?;
    }
    // The JSON form of answers. The stream's envelope never appears as JSON.
    pbjson_build::Builder::new()
        .register_descriptors(&fs::read(out.join("tagwerk.bin"))?)?
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
