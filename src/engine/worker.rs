//! One worker: a thread that owns a model and reads batches until the queue closes.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc::SyncSender},
};

use crate::model::{Heads, Model, ModelError, Package, Reading, Window};

use super::{
    EngineError,
    queue::{Queue, Waiting},
};

/// Makes a model, says whether that went well, and works until the queue closes.
pub(super) fn run(
    queue: &Queue,
    package: &Arc<Package>,
    ready: &SyncSender<Result<(), ModelError>>,
) {
    // Every worker computes on its own thread alone: workers side by side beat threads within one.
    tch::set_num_threads(1);
    let model = Model::new(Arc::clone(package)).and_then(|model| {
        model.read(&[&first_window(package)])?;
        Ok(model)
    });
    let mut model = match model {
        Ok(model) => model,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Some(batch) = queue.take() {
        let tokens = batch
            .iter()
            .map(|waiting| waiting.window.tokens.len())
            .sum();
        queue.metrics.batch_encoded(batch.len(), tokens);
        answer(queue, package, &mut model, batch);
        queue.worked_off(tokens);
    }
}

/// Reads a batch. Where it fails as a whole, each window is read alone, so that only the culprit fails.
fn answer(queue: &Queue, package: &Arc<Package>, model: &mut Model, batch: Vec<Waiting>) {
    let windows: Vec<&Window> = batch.iter().map(|waiting| &waiting.window).collect();
    match read(queue, package, model, &windows) {
        Ok(readings) => {
            for (waiting, reading) in batch.into_iter().zip(readings) {
                // The caller may have gone.
                let _ = waiting.answer.send(Ok(reading));
            }
        }
        Err(_) if batch.len() > 1 => {
            for waiting in batch {
                answer(queue, package, model, vec![waiting]);
            }
        }
        Err(error) => {
            tracing::error!(%error, "a window could not be read");
            for waiting in batch {
                let _ = waiting.answer.send(Err(error.clone()));
            }
        }
    }
}

fn read(
    queue: &Queue,
    package: &Arc<Package>,
    model: &mut Model,
    windows: &[&Window],
) -> Result<Vec<Reading>, EngineError> {
    match catch_unwind(AssertUnwindSafe(|| model.read(windows))) {
        Ok(Ok(readings)) if readings.len() == windows.len() => Ok(readings),
        Ok(Ok(_)) => Err(EngineError::Failed("a window was left out".to_owned())),
        Ok(Err(error)) => Err(EngineError::Failed(error.to_string())),
        Err(panic) => {
            // What the panic left behind in the model is unknown: the next batch gets a new one.
            queue.metrics.worker_restarted();
            if let Ok(new) = Model::new(Arc::clone(package)) {
                *model = new;
            }
            Err(EngineError::Failed(message(panic.as_ref())))
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}

/// A window of ordinary length, which makes libtorch allocate and choose its kernels.
fn first_window(package: &Package) -> Window {
    let special = package.special_tokens();
    let mut tokens = vec![special.begin];
    tokens.resize(package.windows().tokens, special.end);
    Window {
        tokens,
        heads: Heads::default(),
        ..Window::default()
    }
}
