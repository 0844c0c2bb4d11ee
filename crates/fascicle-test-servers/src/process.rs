//! Server processes, stopped together with their children, and with whoever started them.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs a server until it ends, or until the standard input is closed, which happens however the test's process ends. Then the
/// whole process group is killed, this shell included.
const SUPERVISOR: &str = r#"("$@" </dev/null; kill -KILL 0) & cat >/dev/null; kill -KILL 0"#;

/// A server process in a process group of its own, which is killed with it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts a server on a free port, which `command` is told, and waits until it accepts connections.
    ///
    /// Another program may take the port before the server does: then the server ends, and another port is tried.
    pub(crate) fn start(name: &str, command: impl Fn(u16) -> Vec<OsString>) -> ServerProcess {
        for _ in 0..5 {
            let address = free_address();
            let child = Command::new("sh")
                .args(["-c", SUPERVISOR, "sh"])
                .args(command(address.port()))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
                .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
            let mut process = ServerProcess { child, address };
            let started = Instant::now();
            while started.elapsed() < START_TIMEOUT {
                if let Ok(Some(_)) = process.child.try_wait() {
                    break;
                }
                if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                    return process;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        panic!("{name} does not start, or does not answer within {START_TIMEOUT:?}");
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.child);
        // It may have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
    listener.local_addr().expect("the address of the listener")
}

/// A path beneath the root of the workspace.
pub(crate) fn workspace_path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(relative)
}
