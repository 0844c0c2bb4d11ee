//! This side: the workers that a test has started, and what they say.

use crate::site::Address;
use crate::worker::{SAYS, SITE};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Nothing takes this long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Numbers a worker of a crew; none is given twice.
pub(crate) type Id = usize;

pub(crate) struct Crew {
    site: String,
    workers: BTreeMap<Id, Worker>,
    next: Id,
    said: Receiver<(Id, String)>,
    /// What was said while somebody else was listened to.
    unheard: VecDeque<(Id, String)>,
    speaker: Sender<(Id, String)>,
}

struct Worker {
    child: Child,
    orders: ChildStdin,
}

impl Crew {
    /// Starts that many workers, and returns when all are ready.
    pub(crate) fn start(address: &Address, workers: usize) -> Crew {
        let (speaker, said) = channel();
        let site = serde_json::to_string(address).unwrap();
        let mut crew =
            Crew { site, workers: BTreeMap::new(), next: 0, said, unheard: VecDeque::new(), speaker };
        (0..workers).for_each(|_| {
            crew.hire();
        });
        (0..workers).for_each(|_| assert_eq!(crew.hear().1, "ready"));
        crew
    }

    /// Starts one more worker; it says that it is ready.
    pub(crate) fn hire(&mut self) -> Id {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker::works", "--ignored", "--nocapture", "--test-threads=1"])
            .env(SITE, &self.site)
            .env_remove("FASCICLE_CONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (orders, said) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (id, speaker) = (self.next, self.speaker.clone());
        self.next += 1;
        std::thread::spawn(move || {
            for line in BufReader::new(said).lines().map_while(Result::ok) {
                // The harness begins a line of its own before the test does.
                if let Some((_, what)) = line.split_once(SAYS)
                    && speaker.send((id, what.to_owned())).is_err()
                {
                    break;
                }
            }
            let _ = speaker.send((id, "gone".to_owned()));
        });
        self.workers.insert(id, Worker { child, orders });
        id
    }

    pub(crate) fn ids(&self) -> Vec<Id> {
        self.workers.keys().copied().collect()
    }

    pub(crate) fn order(&mut self, id: Id, work: &str) {
        writeln!(self.workers.get_mut(&id).unwrap().orders, "{work}").unwrap();
    }

    pub(crate) fn order_all(&mut self, work: &str) {
        self.ids().into_iter().for_each(|id| self.order(id, work));
    }

    /// The next thing that anybody says; a worker that dies by itself fails the test.
    pub(crate) fn hear(&mut self) -> (Id, String) {
        loop {
            let (id, what) = match self.unheard.pop_front() {
                Some(said) => said,
                None => self.listen(),
            };
            match self.workers.get_mut(&id) {
                Some(worker) if what == "gone" => {
                    panic!("worker {id} ended by itself: {:?}", worker.child.wait());
                }
                Some(_) => return (id, what),
                // What those said who were killed since.
                None => {}
            }
        }
    }

    fn listen(&self) -> (Id, String) {
        match self.said.recv_timeout(PATIENCE) {
            Ok(said) => said,
            Err(error) => panic!("nobody says anything any more ({error}): {:?} hang", self.ids()),
        }
    }

    /// The same, `None` when nothing is said for a while.
    pub(crate) fn hear_for(&mut self, time: Duration) -> Option<(Id, String)> {
        let (id, what) = match self.unheard.pop_front() {
            Some(said) => said,
            None => self.said.recv_timeout(time).ok()?,
        };
        if what == "gone" && self.workers.contains_key(&id) {
            panic!("worker {id} ended by itself");
        }
        self.workers.contains_key(&id).then_some((id, what))
    }

    /// Kills a worker as `kill -9` does.
    pub(crate) fn kill(&mut self, id: Id) {
        let mut worker = self.workers.remove(&id).unwrap();
        worker.child.kill().unwrap();
        worker.child.wait().unwrap();
    }

    /// Kills a worker as `kill -9` does, and returns what it had said until then that was not heard.
    pub(crate) fn kill_and_hear(&mut self, id: Id) -> Vec<String> {
        self.kill(id);
        let (mut last, others) =
            std::mem::take(&mut self.unheard).into_iter().partition::<Vec<_>, _>(|said| said.0 == id);
        self.unheard = others.into();
        while last.last().is_none_or(|(_, what)| what != "gone") {
            match self.listen() {
                said if said.0 == id => last.push(said),
                said => self.unheard.push_back(said),
            }
        }
        last.pop();
        last.into_iter().map(|(_, what)| what).collect()
    }

    /// Stops a worker wherever it is, as if its machine were suspended.
    pub(crate) fn suspend(&self, id: Id) {
        self.signal(id, rustix::process::Signal::STOP);
    }

    /// Lets a stopped worker go on as if nothing had happened.
    pub(crate) fn wake(&self, id: Id) {
        self.signal(id, rustix::process::Signal::CONT);
    }

    fn signal(&self, id: Id, signal: rustix::process::Signal) {
        let pid = self.workers[&id].child.id();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in self.workers.values_mut() {
            // One that has ended by itself is reaped all the same.
            let _ = worker.child.kill();
            let _ = worker.child.wait();
        }
    }
}
