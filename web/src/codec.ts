// Names for people of the codec strings of RFC 6381.
const families: [RegExp, string][] = [
  [/^avc[13]\./, "H.264"],
  [/^(hvc1|hev1)\./, "H.265"],
  [/^av01\./, "AV1"],
  [/^vp09\./, "VP9"],
  [/^mp4a\.40\./, "AAC"],
  [/^opus$/i, "Opus"],
  [/^ac-3$/, "AC-3"],
  [/^(mp3|mp4a\.(69|6b))$/i, "MP3"],
];

export function codecName(codec: string | undefined): string {
  if (!codec) return "";
  const known = families.find(([pattern]) => pattern.test(codec));
  return known ? `${known[1]} (${codec})` : codec;
}
