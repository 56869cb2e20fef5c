//! What all scenarios share: the program, the length of the run, the source of chance.

use std::{path::PathBuf, time::Duration};

use super::Failure;

/// How long nothing may take that has to come at all: starting, quieting down, taking up a file.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How a run is laid out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program that is tried.
    pub program: PathBuf,
    /// The model package that it loads.
    pub model: PathBuf,
    /// Where files of the run may lie.
    pub folder: PathBuf,
    /// By how much everything is shortened, 0.1 to 1.
    pub scale: f64,
    /// The seed of all chance.
    pub seed: u64,
}

impl Plan {
    /// So many seconds, scaled.
    pub fn seconds(&self, full: f64) -> Duration {
        Duration::from_secs_f64(full * self.scale)
    }

    /// So many repetitions, scaled, but at least some.
    pub fn count(&self, full: usize, least: usize) -> usize {
        ((full as f64 * self.scale).round() as usize).max(least)
    }

    /// Chance for one purpose: the same in every run of one seed.
    pub fn chance(&self, purpose: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ purpose)
    }

    /// An empty folder of one scenario, removed when dropped.
    pub fn folder(&self, name: &str) -> Result<Folder, Failure> {
        let path = self.folder.join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

/// Files of one scenario, removed at its end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The path of a file in it.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes a file and renames it into place, so that no reader sees half of it. Returns its path.
    pub fn write(&self, name: &str, content: &str) -> Result<String, Failure> {
        let (part, path) = (self.0.join(format!("{name}.part")), self.path(name));
        std::fs::write(&part, content)?;
        std::fs::rename(&part, &path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
