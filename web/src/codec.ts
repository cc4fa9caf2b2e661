// Names for people of the codec strings of RFC 6381 and of RTP payload formats.
const families: [RegExp, string][] = [
  [/^(avc[13]\.|h264)/i, "H.264"],
  [/^(hvc1|hev1|h265)/i, "H.265"],
  [/^av0?1/i, "AV1"],
  [/^vp0?9/i, "VP9"],
  [/^vp8/i, "VP8"],
  [/^mp4a\.40\./, "AAC"],
  [/^opus$/i, "Opus"],
  [/^ac-3$/, "AC-3"],
  [/^(mp3|mp4a\.(69|6b))$/i, "MP3"],
];

export function codecName(codec: string | undefined): string {
  if (!codec) return "";
  const known = families.find(([pattern]) => pattern.test(codec))?.[1];
  if (!known) return codec;
  const detail = codec.includes(" ") ? codec.split(" ")[1] : codec;
  return detail?.toLowerCase() === known.replace(".", "").toLowerCase() ? known : `${known} (${detail})`;
}
