// Publishes Debian's Chromium's fake camera and microphone by WHIP, from a page at the
// server's origin, and prints what the sender says as one JSON object:
//   node publish.mjs PAGE ENDPOINT KEY [OPTION=VALUE…]
//   seconds=20        how long to publish, from the connection on
//   codec=            the only video codec to offer, such as H264 or VP8
//   layers=1          simulcast layers
//   delete=1          end the session with DELETE
//   chromium=/usr/bin/chromium
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [page_, endpoint, key, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((word) => word.split(/=(.*)/s)));
const { seconds = 20, codec = "", layers = 1 } = options;

const profile = await mkdtemp(join(tmpdir(), "weir-e2e-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: options.chromium ?? "/usr/bin/chromium",
  headless: true,
  permissions: ["camera", "microphone"],
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
  ],
});

// Runs in the page.
async function publish({ endpoint, key, seconds, codec, layers, end }) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: true, video: { width: 1280, height: 720, frameRate: 30 },
  });
  const pc = new RTCPeerConnection();
  const [audio] = stream.getAudioTracks();
  const [video] = stream.getVideoTracks();
  pc.addTransceiver(audio, { direction: "sendonly", streams: [stream] });
  const encodings = [
    { rid: "low", scaleResolutionDownBy: 4, maxBitrate: 200e3 },
    { rid: "mid", scaleResolutionDownBy: 2, maxBitrate: 600e3 },
    { rid: "high", maxBitrate: 2500e3 },
  ].slice(0, layers);
  const sender = pc.addTransceiver(video, {
    direction: "sendonly", streams: [stream], sendEncodings: layers > 1 ? encodings : [{ maxBitrate: 2500e3 }],
  });
  if (codec) {
    const all = RTCRtpSender.getCapabilities("video").codecs;
    sender.setCodecPreferences(all.filter((c) => c.mimeType.toUpperCase() === `VIDEO/${codec}`));
  }
  await pc.setLocalDescription();
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${key}` },
    body: pc.localDescription.sdp,
  });
  const out = { offer: pc.localDescription.sdp, status: answer.status, location: answer.headers.get("Location"), etag: answer.headers.get("ETag") };
  out.answer = await answer.text();
  if (answer.status !== 201) return out;
  const connected = new Promise((resolve) => {
    pc.onconnectionstatechange = () => pc.connectionState === "connected" && resolve(true);
    setTimeout(() => resolve(false), 10000);
  });
  const began = performance.now();
  await pc.setRemoteDescription({ type: "answer", sdp: out.answer });
  out.connected = await connected;
  out.milliseconds = Math.round(performance.now() - began);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  out.state = pc.connectionState;
  out.outbound = [];
  for (const [, r] of await pc.getStats()) {
    if (r.type === "codec") (out.codecs ??= []).push(r.mimeType);
    if (r.type !== "outbound-rtp") continue;
    out.outbound.push({
      kind: r.kind, rid: r.rid, width: r.frameWidth, fps: r.framesPerSecond, frames: r.framesEncoded,
      keyFrames: r.keyFramesEncoded, packets: r.packetsSent, bytes: r.bytesSent, nacks: r.nackCount, plis: r.pliCount,
      retransmitted: r.retransmittedPacketsSent, limited: r.qualityLimitationReason,
    });
  }
  for (const [, r] of await pc.getStats()) {
    if (r.type === "candidate-pair" && r.nominated) {
      out.bitrate = r.availableOutgoingBitrate;
      out.roundTrip = r.currentRoundTripTime;
    }
  }
  if (end) {
    const gone = await fetch(new URL(out.location, endpoint), { method: "DELETE" });
    out.deleted = gone.status;
  }
  pc.close();
  return out;
}

let out;
try {
  const page = browser.pages()[0] ?? (await browser.newPage());
  // A page of our own at the server's origin: the server's forbid the camera.
  await page.route(page_, (route) => route.fulfill({ contentType: "text/html", body: "<title>studio</title>" }));
  await page.goto(page_);
  out = await page.evaluate(publish, {
    endpoint, key, seconds: Number(seconds), codec, layers: Number(layers), end: options.delete !== "0",
  });
} catch (error) {
  out = { error: String(error) };
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
console.log(JSON.stringify(out));
