// Layers as PNG files and back.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const BAND_ROWS = 256;
  const KINDS = { 1: 0, 4: 6 }; // channels -> PNG's colour type: grey, red-green-blue-alpha

  /** An 8-bit PNG of the bytes as they are now, with 1 or 4 channels. */
  async function encode(bytes, width, height, channels) {
    const data = bytes.slice();
    const deflate = new CompressionStream("deflate");
    const packed = new Response(deflate.readable).arrayBuffer();
    const writer = deflate.writable.getWriter();
    for (let y = 0; y < height; y += BAND_ROWS) {
      await writer.write(filtered(data, width * channels, y, Math.min(height, y + BAND_ROWS)));
      await new Promise((resume) => setTimeout(resume)); // the next stroke must not wait for this
    }
    await writer.close();
    const header = new DataView(new ArrayBuffer(13));
    header.setUint32(0, width);
    header.setUint32(4, height);
    header.setUint8(8, 8); // bits; the rest 0: deflate, adaptive filters, not interlaced
    header.setUint8(9, KINDS[channels]);
    const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
    const head = chunk("IHDR", new Uint8Array(header.buffer));
    const body = chunk("IDAT", new Uint8Array(await packed));
    return new Blob([signature, head, body, chunk("IEND", new Uint8Array())], { type: "image/png" });
  }

  /** PNG rows with the "up" filter: an even layer turns into zeros and packs to almost nothing. */
  function filtered(data, length, top, bottom) {
    const out = new Uint8Array((length + 1) * (bottom - top));
    let to = 0;
    for (let y = top; y < bottom; y++) {
      out[to++] = 2;
      for (let at = y * length; at < (y + 1) * length; at++) out[to++] = y ? data[at] - data[at - length] : data[at];
    }
    return out;
  }

  const CRC = Uint32Array.from({ length: 256 }, (_, number) => {
    let value = number;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });

  function chunk(name, body) {
    const out = new Uint8Array(12 + body.length);
    const view = new DataView(out.buffer);
    view.setUint32(0, body.length);
    for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i);
    out.set(body, 8);
    let crc = 0xffffffff;
    for (let at = 4; at < 8 + body.length; at++) crc = CRC[(crc ^ out[at]) & 255] ^ (crc >>> 8);
    view.setUint32(8 + body.length, ~crc >>> 0);
    return out;
  }

  /** The pixels of a picture file at the wanted size, and its own size. */
  async function pixels(blob, width, height) {
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    const size = { width: bitmap.width, height: bitmap.height };
    const scratch = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    scratch.imageSmoothingQuality = "high";
    scratch.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    return { data: scratch.getImageData(0, 0, width, height).data, size };
  }

  /** Reads a mask picture: its alpha when it has any, else its brightness; scaled to the wanted size. */
  async function readMask(blob, width, height) {
    const { data, size } = await pixels(blob, width, height);
    const bytes = new Uint8Array(width * height);
    let clear = false;
    for (let at = 3; at < data.length && !clear; at += 4) clear = data[at] < 255;
    for (let at = 0, from = 0; at < bytes.length; at++, from += 4) {
      bytes[at] = clear ? data[from + 3] : Math.round(0.299 * data[from] + 0.587 * data[from + 1] + 0.114 * data[from + 2]);
    }
    return { bytes, size };
  }

  /** Reads a sketch of the wanted size: red, green, blue and opacity in one number a pixel. */
  async function readSketch(blob, width, height) {
    const { data } = await pixels(blob, width, height);
    return new Uint32Array(data.buffer);
  }

  snowfox.png = { encode, readMask, readSketch };
})();
