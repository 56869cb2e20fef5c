//! The code that is generated from `proto/`, in the module tree of the protobuf packages.

/// Packages of this project.
pub mod tagwerk {
    /// Version 1 of the API; its documentation stands in the protobuf files.
    #[allow(missing_docs, clippy::all, clippy::pedantic)]
    pub mod v1 {
        tonic::include_proto!("tagwerk.v1");
        // The JSON form of the messages.
        include!(concat!(env!("OUT_DIR"), "/tagwerk.v1.serde.rs"));
    }
}

/// The encoded `FileDescriptorSet` of every protobuf file, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
