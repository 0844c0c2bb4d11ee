"""Serves moto's S3 on the loopback port that is given as the argument, one request at a time.

moto looks at the condition of a write and stores the object in two steps, between which another request can come; one lock
around every request makes it atomic.
"""

import io
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

application = DomainDispatcherApplication(create_backend_app)
lock = threading.Lock()


def one_at_a_time(environ, start_response):
    # The body is read before the lock is taken, so that a slow client holds nobody up.
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
    with lock:
        return list(application(environ, start_response))


make_server("127.0.0.1", int(sys.argv[1]), one_at_a_time, threaded=True).serve_forever()
