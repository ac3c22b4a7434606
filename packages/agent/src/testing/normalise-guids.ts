/** Makes an output with random GUIDs comparable: the first GUID becomes 00000001-…, and so on. */

const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi

/** `names` remembers the GUIDs across the outputs of one test; short forms are replaced too. */
export function normaliseGuids(text: string, names: Map<string, string>): string {
  for (const [guid] of text.matchAll(GUID)) {
    const known = guid.toLowerCase()
    if (!names.has(known)) names.set(known, String(names.size + 1).padStart(8, '0'))
  }
  let normalised = text
  for (const [guid, short] of names) {
    normalised = normalised
      .replaceAll(new RegExp(guid, 'gi'), `${short}-0000-4000-8000-000000000000`)
      .replaceAll(guid.slice(0, 8).toUpperCase(), short)
  }
  return normalised
}
