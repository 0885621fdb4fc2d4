//! News from the server as it happens, over one event stream that all tabs of a browser share.
//!
//! A page says what concerns it and gets a number that goes up when such a thing has happened; its answers are fetched
//! with that number as part of their key. Nothing here runs on the server.

use std::{cell::RefCell, collections::HashSet, rc::Rc, time::Duration};

use domain::id::{DeploymentId, EnvironmentId};
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, MessagePort, SharedWorker, Worker};

use crate::{api, browser, components::rows};

/// How long news are gathered after a page has fetched because of some, before it does so again.
const GATHER: f64 = 100.0;
/// The same for news of what the page does not show, but may count.
const REST: f64 = 1000.0;

/// Holds the stream, for all tabs of a browser where it can be shared.
const WORKER: &str = "/events-worker.js";

/// One thing that has happened.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// An event was appended.
    Event(Told),
    /// What runs was observed to have changed.
    Observed(Observed),
    /// Something may have been missed, or was changed from here: look again.
    LookAgain,
}

impl News {
    /// Concerns what runs in one environment.
    pub(crate) fn of_environment(&self, id: EnvironmentId) -> bool {
        match self {
            // Without any it is the clusters' own state that has changed.
            News::Observed(Observed { environments, .. }) => {
                environments.is_empty() || environments.contains(&id)
            }
            other => other.of_inventory(),
        }
    }

    /// Concerns everything that shows what runs where.
    pub(crate) fn of_inventory(&self) -> bool {
        match self {
            News::Event(event) => !event.kind.starts_with("task."),
            News::Observed(_) | News::LookAgain => true,
        }
    }

    /// Concerns how sites and clusters are.
    pub(crate) fn of_sites(&self) -> bool {
        match self {
            News::Observed(observed) => observed.environments.is_empty(),
            other => other.of_kind("site."),
        }
    }

    /// An event whose kind begins so.
    pub(crate) fn of_kind(&self, prefix: &str) -> bool {
        match self {
            News::Event(event) => event.kind.starts_with(prefix),
            News::Observed(_) => false,
            News::LookAgain => true,
        }
    }
}

type Listener = Rc<dyn Fn(&News)>;

thread_local! {
    static LISTENERS: RefCell<Vec<(u32, Listener)>> = const { RefCell::new(Vec::new()) };
}

/// The state of the stream.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    /// Whether contact was lost; false until it is first made.
    pub(crate) lost: RwSignal<bool>,
}

/// As much of an event as pages need to know whether it concerns them.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    /// What happened.
    pub(crate) kind: String,
    /// The deployment it belongs to.
    pub(crate) deployment_id: Option<DeploymentId>,
}

/// What was observed to have changed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Observed {
    /// In which environments; none where it is the clusters' own state.
    environments: Vec<EnvironmentId>,
    /// What the services are called; none where it may be any.
    #[serde(default)]
    names: HashSet<String>,
}

impl Observed {
    /// Whether one of the services may stand in a table of the page.
    fn is_shown(&self) -> bool {
        self.names.is_empty() || rows::show(&self.names)
    }
}

/// Provides [`Live`] and, in the browser, opens the stream.
pub(crate) fn provide() {
    let live = Live { lost: RwSignal::new(false) };
    provide_context(live);
    Effect::new(move |_| live.connect());
}

/// Calls a function with all news for as long as the calling component lives.
pub(crate) fn on_news(listener: impl Fn(&News) + Clone + 'static) {
    Effect::new(move |_| {
        let id = LISTENERS.with_borrow_mut(|listeners| {
            let id = listeners.last().map_or(0, |(id, _)| id + 1);
            listeners.push((id, Rc::new(listener.clone())));
            id
        });
        on_cleanup(move || {
            LISTENERS.with_borrow_mut(|listeners| listeners.retain(|(other, _)| *other != id))
        });
    });
}

/// A number that goes up with news that concern the calling component: with the first at once, with those that follow
/// at most every [`GATHER`] milliseconds.
pub(crate) fn tick(concerns: impl Fn(&News) -> bool + Clone + 'static) -> RwSignal<u32> {
    paced_tick(move |news| concerns(news).then_some(GATHER))
}

/// A [`tick`] for what shows rows of services: other services than those may wait for [`REST`] milliseconds.
pub(crate) fn tick_of_rows(concerns: impl Fn(&News) -> bool + Clone + 'static) -> RwSignal<u32> {
    paced_tick(move |news| match news {
        News::Observed(observed) if concerns(news) => Some(if observed.is_shown() { GATHER } else { REST }),
        news => concerns(news).then_some(GATHER),
    })
}

/// A [`tick`] for what takes the server a while to add up: it goes up at most every [`REST`] milliseconds.
pub(crate) fn tick_at_rest(concerns: impl Fn(&News) -> bool + Clone + 'static) -> RwSignal<u32> {
    paced_tick(move |news| concerns(news).then_some(REST))
}

/// A number that goes up with news, as many milliseconds after it went up last as these are worth.
fn paced_tick(rest: impl Fn(&News) -> Option<f64> + Clone + 'static) -> RwSignal<u32> {
    let tick = RwSignal::new(0);
    let went_up = StoredValue::new(f64::MIN);
    let due = StoredValue::new(None::<(f64, TimeoutHandle)>);
    on_news(move |news| {
        // News that comes after the page was left.
        let (Some(went_up_at), Some(waiting)) = (went_up.try_get_value(), due.try_get_value()) else {
            return;
        };
        let now = js_sys::Date::now();
        let Some(rest) = rest(news) else { return };
        // A clock that was set back must not keep a page waiting.
        let wait = (went_up_at + rest - now).clamp(0.0, rest);
        match waiting {
            Some((at, _)) if at <= now + wait => return,
            Some((_, timer)) => timer.clear(),
            None => {}
        }
        let go_on = move || {
            due.try_set_value(None);
            went_up.try_set_value(js_sys::Date::now());
            tick.try_update(|tick| *tick += 1);
        };
        let timer = set_timeout_with_handle(go_on, Duration::from_millis(wait as u64));
        due.set_value(timer.ok().map(|timer| (now + wait, timer)));
    });
    tick
}

/// Has every open page fetch again, after a change that was made from here.
pub(crate) fn look_again() {
    spread(&News::LookAgain);
}

fn spread(news: &News) {
    let listeners: Vec<Listener> =
        LISTENERS.with_borrow(|listeners| listeners.iter().map(|(_, listener)| listener.clone()).collect());
    for listener in listeners {
        listener(news);
    }
}

impl Live {
    fn connect(self) {
        let has = |class| js_sys::Reflect::has(&window(), &JsValue::from_str(class)).unwrap_or(false);
        let shared = if has("SharedWorker") { SharedWorker::new(WORKER).ok() } else { None };
        let port: Option<JsValue> = match shared {
            Some(worker) => Some(worker.port().into()),
            None => Worker::new(WORKER).ok().map(JsValue::from),
        };
        // A worker of this tab alone is spoken to just as a shared one's port is.
        if let Some(port) = port {
            self.listen(port.unchecked_into());
        }
    }

    fn listen(self, port: MessagePort) {
        let told = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let told = js_sys::Array::from(&message.data());
            let word = told.get(0).as_string().unwrap_or_default();
            self.told(&word, &told.get(1).as_string().unwrap_or_default());
        });
        port.set_onmessage(Some(told.as_ref().unchecked_ref()));
        told.forget();
        let say = move |port: &MessagePort, word: &str| {
            let _ = port.post_message(&JsValue::from_str(word));
        };
        say(&port, "hi");
        for (event, word) in [("pagehide", "bye"), ("pageshow", "hi")] {
            let port = port.clone();
            let listener = Closure::<dyn FnMut()>::new(move || say(&port, word));
            let _ = window().add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
            listener.forget();
        }
    }

    /// What happened while there was no contact is not all told again: then everything is looked at once.
    fn found(self) {
        if self.lost.get_untracked() {
            self.lost.set(false);
            return look_again();
        }
        let Some(rendered) = browser::take_stamp() else { return };
        spawn_local(async move {
            if api::live::stamp().await.is_ok_and(|stamp| stamp != rendered) {
                look_again();
            }
        });
    }

    fn told(self, word: &str, data: &str) {
        match word {
            "up" => self.found(),
            "down" => self.lost.set(true),
            "event" => {
                if let Ok(event) = api::read(data) {
                    spread(&News::Event(event));
                }
            }
            _ => {
                if let Ok(observed) = api::read::<Observed>(data) {
                    spread(&News::Observed(observed));
                }
            }
        }
    }
}
