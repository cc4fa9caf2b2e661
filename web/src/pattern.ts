// A test picture with a clock, and a tone: a source for whoever has no camera. The
// lowest sixteenth of the picture shows the time in binary, by which a test can
// measure latency: 32 squares, the low bits of the milliseconds since 1970, the
// highest bit first, white for one.
const bits = 32;

const bars = ["#c0c0c0", "#c0c000", "#00c0c0", "#00c000", "#c000c0", "#c00000", "#0000c0"];
const rate = 30; // pictures in a second
const pitch = 440; // Hz
const loudness = 0.1; // of full scale

export interface Source {
  stream: MediaStream;
  close(): void;
}

export function testPattern(width: number, height: number): Source {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d", { alpha: false });
  if (!pen) throw new Error("This browser cannot draw.");
  const ground = background(width, height);
  const draw = () => {
    pen.drawImage(ground, 0, 0);
    clock(pen, width, height);
  };
  draw();
  const timer = setInterval(draw, 1000 / rate);
  const stream = canvas.captureStream(rate);

  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  const out = context.createMediaStreamDestination();
  tone.frequency.value = pitch;
  volume.gain.value = loudness;
  tone.connect(volume).connect(out);
  tone.start();
  out.stream.getAudioTracks().forEach((track) => stream.addTrack(track));
  return {
    stream,
    close() {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      void context.close();
    },
  };
}

function background(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  const bar = Math.ceil(width / bars.length);
  bars.forEach((color, i) => {
    if (!pen) return;
    pen.fillStyle = color;
    pen.fillRect(i * bar, 0, bar, height);
  });
  return canvas;
}

function clock(pen: CanvasRenderingContext2D, width: number, height: number): void {
  const now = Date.now();
  const line = height / 16;
  pen.fillStyle = "#000";
  pen.fillRect(width / 5, 6 * line, (3 * width) / 5, 3 * line);
  pen.fillRect(0, 15 * line, width, line);
  pen.fillStyle = "#fff";
  pen.font = `bold ${Math.round(2 * line)}px monospace`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(new Date(now).toISOString().slice(11, 23), width / 2, 7.5 * line);
  pen.fillRect(((now % 2000) / 2000) * width, 13 * line, line, line);
  const cell = width / bits;
  for (let i = 0; i < bits; i++) {
    if (Math.floor(now / 2 ** (bits - 1 - i)) % 2 === 1) pen.fillRect(i * cell, 15 * line, cell, line);
  }
}
