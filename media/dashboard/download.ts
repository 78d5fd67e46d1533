/** Reads an answer to its end; `onBytes` hears how much has come, of how much. */
export async function readBytes(response: Response, onBytes: (bytes: number, all: number) => void): Promise<Blob> {
  const all = Number(response.headers.get("content-length") ?? 0);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
    pieces.push(next.value);
    bytes += next.value.byteLength;
    onBytes(bytes, all);
  }
  return new Blob(pieces, { type: response.headers.get("content-type") ?? "application/octet-stream" });
}

/** Hands a file to the browser as a download. */
export function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun with the click; the address is not needed any more once the event is over.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
