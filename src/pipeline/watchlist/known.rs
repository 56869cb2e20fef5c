//! The watchlists that a server knows by name, and those that its callers send again and again.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use moka::sync::Cache;
use thiserror::Error;

use super::{FileError, Target, TargetError, Watchlist, read};

/// Names of all lists of callers that are kept prepared.
const KEPT_NAMES: u64 = 200_000;

/// A watchlist by its name and file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name that callers use.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// Why a named watchlist is not there.
#[derive(Debug, Error)]
#[error("watchlist {name}: {}: {error}", path.display())]
pub struct ListError {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What is wrong.
    pub error: Box<FileError>,
}

/// Watchlists by name, read from files. A clone shares them.
#[derive(Clone, Default)]
pub struct Watchlists {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    lists: RwLock<BTreeMap<String, Arc<Watchlist>>>,
    /// The files, and how they looked when they were last read.
    sources: Mutex<Vec<(Source, Option<Stamp>)>>,
    prepared: std::sync::OnceLock<Cache<Vec<Target>, Arc<Watchlist>>>,
}

/// Size and time of change.
type Stamp = (u64, SystemTime);

impl Watchlists {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ListError`] for the first that cannot be used.
    pub fn open(sources: Vec<Source>) -> Result<Self, ListError> {
        let watchlists = Self::default();
        let sources = sources.into_iter().map(|source| (source, None)).collect();
        *lock(&watchlists.inner.sources) = sources;
        watchlists.reload()?;
        Ok(watchlists)
    }

    /// Reads the files that have changed. Where one cannot be used, all lists stay as they were.
    /// True where something has changed.
    ///
    /// # Errors
    /// [`ListError`], once for each state of the files.
    pub fn reload(&self) -> Result<bool, ListError> {
        let mut sources = lock(&self.inner.sources);
        let mut lists = self.read().clone();
        let mut changed = false;
        let mut failed = None;
        for (source, seen) in sources.iter_mut() {
            let wrong = |error| ListError {
                name: source.name.clone(),
                path: source.path.clone(),
                error: Box::new(error),
            };
            let stamp = stamp(source).map_err(|error| wrong(error.into()))?;
            if *seen == Some(stamp) {
                continue;
            }
            *seen = Some(stamp);
            match read(&source.path) {
                Ok(list) => {
                    lists.insert(source.name.clone(), Arc::new(list));
                    changed = true;
                }
                Err(error) => failed = failed.or(Some(wrong(error))),
            }
        }
        if changed {
            *self
                .inner
                .lists
                .write()
                .unwrap_or_else(PoisonError::into_inner) = lists;
        }
        failed.map_or(Ok(changed), Err)
    }

    /// A list by its name.
    pub fn get(&self, name: &str) -> Option<Arc<Watchlist>> {
        self.read().get(name).cloned()
    }

    /// The names of all lists with their numbers of targets.
    pub fn sizes(&self) -> Vec<(String, usize)> {
        let lists = self.read();
        let sizes = lists
            .iter()
            .map(|(name, list)| (name.clone(), list.targets().len()));
        sizes.collect()
    }

    /// A list of a caller's own, made once for as long as it is used.
    ///
    /// # Errors
    /// As [`Watchlist::new`].
    pub fn prepare(&self, targets: Vec<Target>) -> Result<Arc<Watchlist>, Vec<TargetError>> {
        let prepared = self.inner.prepared.get_or_init(|| {
            Cache::builder()
                .max_capacity(KEPT_NAMES)
                .weigher(|targets: &Vec<Target>, _| {
                    let names: usize = targets.iter().map(|target| target.names.len()).sum();
                    u32::try_from(names).unwrap_or(u32::MAX)
                })
                .build()
        });
        if let Some(list) = prepared.get(&targets) {
            return Ok(list);
        }
        let list = Arc::new(Watchlist::new(targets.clone())?);
        prepared.insert(targets, Arc::clone(&list));
        Ok(list)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<Watchlist>>> {
        self.inner
            .lists
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watchlists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watchlists").field(&self.sizes()).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stamp(source: &Source) -> io::Result<Stamp> {
    let metadata = fs::metadata(&source.path)?;
    Ok((metadata.len(), metadata.modified()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_taken_up_and_a_broken_one_is_refused_once() {
        let path = std::env::temp_dir().join(format!("tagwerk-known-{}.csv", std::process::id()));
        fs::write(&path, "id,names\na,Airbus\n").unwrap();
        let source = Source {
            name: "firms".into(),
            path: path.clone(),
        };
        let lists = Watchlists::open(vec![source]).unwrap();
        assert_eq!(lists.sizes(), [("firms".to_owned(), 1)]);
        assert!(!lists.reload().unwrap());
        fs::write(&path, "id,names\na,Airbus\nb,Boeing\n").unwrap();
        assert!(lists.reload().unwrap());
        assert_eq!(lists.get("firms").unwrap().targets().len(), 2);
        fs::write(&path, "id,names\na,\n").unwrap();
        let error = lists.reload().unwrap_err().to_string();
        assert!(
            error.contains("firms") && error.contains("line 2"),
            "{error}"
        );
        assert!(!lists.reload().unwrap());
        assert_eq!(lists.get("firms").unwrap().targets().len(), 2);
    }
}
