# Publishes a test picture and a tone by WHIP with GStreamer's webrtcbin:
#   /usr/bin/python3 gstreamer.py ENDPOINT KEY SECONDS
# It needs Debian's python3-gst-1.0, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-nice and
# the base, good, bad and ugly plugins; without them it says "missing: …" and leaves
# with status 3. Without arguments it does no more than look for them.
import sys
import urllib.parse
import urllib.request

try:
    import gi

    for name in ("Gst", "GstWebRTC", "GstSdp"):
        gi.require_version(name, "1.0")
    from gi.repository import GLib, Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as error:
    print("missing:", error)
    sys.exit(3)

Gst.init(None)
needed = ["valve", "webrtcbin", "nicesrc", "dtlsenc", "srtpenc", "x264enc", "opusenc", "rtph264pay", "rtpopuspay"]
missing = [name for name in needed if not Gst.ElementFactory.find(name)]
if missing:
    print("missing:", *missing)
    sys.exit(3)
if len(sys.argv) < 4:
    sys.exit(0)

endpoint, key, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3])
bearer = {"Authorization": "Bearer " + key}
pipeline = Gst.parse_launch("""
  webrtcbin name=peer bundle-policy=max-bundle
  videotestsrc is-live=true ! video/x-raw,width=640,height=360,framerate=30/1
    ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 bitrate=800 ! video/x-h264,profile=constrained-baseline
    ! rtph264pay config-interval=-1 aggregate-mode=zero-latency ! application/x-rtp,media=video,encoding-name=H264,payload=96
    ! valve name=picture drop=true drop-mode=forward-sticky-events ! peer.
  audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc
    ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97
    ! valve name=sound drop=true drop-mode=forward-sticky-events ! peer.
""")
peer = pipeline.get_by_name("peer")
loop = GLib.MainLoop()
kept = {}  # what GStreamer's bindings would free too early, and the session


def offered(promise, *_):
    promise.wait()
    kept["reply"] = promise.get_reply()
    peer.emit("set-local-description", kept["reply"].get_value("offer"), Gst.Promise.new())


def gathered():
    if peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE or "session" in kept:
        return
    offer = peer.get_property("local-description").sdp.as_text().encode()
    request = urllib.request.Request(endpoint, offer, {"Content-Type": "application/sdp", **bearer}, method="POST")
    with urllib.request.urlopen(request) as answer:
        kept["session"] = urllib.parse.urljoin(endpoint, answer.headers["Location"])
        _, message = GstSdp.SDPMessage.new_from_text(answer.read().decode())
    kept["answer"] = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
    peer.emit("set-remote-description", kept["answer"], Gst.Promise.new())


def connected():
    """Lets through what is live now: what came before would leave in one burst."""
    if peer.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
        for valve in ("picture", "sound"):
            pipeline.get_by_name(valve).set_property("drop", False)


peer.connect("notify::connection-state", lambda *_: GLib.idle_add(connected))
peer.connect("on-negotiation-needed", lambda p: p.emit("create-offer", None, Gst.Promise.new_with_change_func(offered)))
peer.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(gathered))
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", lambda _, message: (print(message.parse_error()), loop.quit()))
pipeline.set_state(Gst.State.PLAYING)
GLib.timeout_add_seconds(seconds, loop.quit)
loop.run()
if "session" not in kept:
    sys.exit("no session came about")
with urllib.request.urlopen(urllib.request.Request(kept["session"], headers=bearer, method="DELETE")) as answer:
    print("deleted:", answer.status)
pipeline.set_state(Gst.State.NULL)
