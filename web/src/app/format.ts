// Figures as people read them.

export function bitrate(bits: number): string {
  if (bits < 1e3) return `${Math.round(bits)} b/s`;
  if (bits < 1e6) return `${Math.round(bits / 1e3)} kb/s`;
  if (bits < 1e9) return `${(bits / 1e6).toFixed(1)} Mb/s`;
  return `${(bits / 1e9).toFixed(2)} Gb/s`;
}

export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 999.5 && at < units.length - 1) {
    n /= 1000;
    at++;
  }
  return `${at === 0 || n >= 99.5 ? Math.round(n) : n.toFixed(1)} ${units[at]}`;
}

// duration is of seconds: 4 s, 3 min 5 s, 2 h 3 min, 5 d 2 h.
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const pair = (a: number, unit: string, b: number, less: string) => (b > 0 ? `${a} ${unit} ${b} ${less}` : `${a} ${unit}`);
  if (s < 60) return `${s} s`;
  if (s < 3600) return pair(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86400) return pair(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return pair(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

// clock is a length as players show it: 1:02:03.
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const rest = `${two(s % 60)}`;
  const minutes = Math.floor(s / 60) % 60;
  return s < 3600 ? `${minutes}:${rest}` : `${Math.floor(s / 3600)}:${two(minutes)}:${rest}`;
}

// perSecond has a digit behind the point where it says something.
export function perSecond(n: number): string {
  return String(n >= 100 ? Math.round(n) : Math.round(n * 10) / 10);
}

export function queue(seconds: number): string {
  return seconds < 1 ? `q ${Math.round(seconds * 1000)} ms` : `q ${seconds.toFixed(1)} s`;
}

// since is the time from then to now in words.
export function since(then: string | undefined, now = Date.now()): string {
  const at = then ? Date.parse(then) : NaN;
  return Number.isNaN(at) || at < 0 ? "–" : duration((now - at) / 1000);
}

// moment is a time of day with its date, in the reader's own zone.
export function moment(at: string | undefined): string {
  const date = at ? new Date(at) : null;
  if (!date || Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1971) return "–";
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
