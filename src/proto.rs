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

/// Packages of Google's whose services are offered too.
pub mod google {
    /// Cloud Natural Language.
    pub mod language {
        /// Version 1, as far as it is offered.
        #[allow(missing_docs, clippy::all, clippy::pedantic)]
        pub mod v1 {
            tonic::include_proto!("google.cloud.language.v1");
        }

        /// Version 2, as far as it is offered.
        #[allow(missing_docs, clippy::all, clippy::pedantic)]
        pub mod v2 {
            tonic::include_proto!("google.cloud.language.v2");
        }
    }
}

/// The encoded `FileDescriptorSet` of this project's packages, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tagwerk.bin"));

/// The encoded `FileDescriptorSet` of Google's packages, for reflection.
pub const GOOGLE_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/google.bin"));
