// The edge of a mask: grown, shrunk, feathered. Works on bytes, 255 = painted.
"use strict";
(() => {
  const snowfox = (window.snowfox ??= {});
  const FAR = 1e12;

  /** What lies within `radius` pixels of something painted, added to what is painted. In place. */
  function grow(data, width, height, radius) {
    const away = distances(data, width, height);
    const reach = (radius + 1) * (radius + 1);
    for (let at = 0; at < data.length; at++) {
      if (away[at] >= reach) continue;
      data[at] = Math.max(data[at], Math.round(255 * Math.min(1, radius + 1 - Math.sqrt(away[at]))));
    }
  }

  function shrink(data, width, height, radius) {
    for (let at = 0; at < data.length; at++) data[at] = 255 - data[at];
    grow(data, width, height, radius);
    for (let at = 0; at < data.length; at++) data[at] = 255 - data[at];
  }

  /** Squared distances to the nearest pixel that is at least half painted (Felzenszwalb, Huttenlocher 2012). */
  function distances(data, width, height) {
    const square = new Float64Array(width * height);
    for (let y = 0; y < height; y++) alongRow(data, square, y * width, width);
    const column = new Float64Array(height);
    const envelope = { places: new Int32Array(height), bounds: new Float64Array(height + 1) };
    for (let x = 0; x < width; x++) {
      let any = false;
      for (let y = 0, at = x; y < height; y++, at += width) {
        column[y] = square[at];
        any ||= column[y] < FAR;
      }
      if (any) alongColumn(column, square, x, width, envelope);
    }
    return square;
  }

  function alongRow(data, square, first, width) {
    let away = Infinity;
    for (let x = 0; x < width; x++) {
      away = data[first + x] >= 128 ? 0 : away + 1;
      square[first + x] = away === Infinity ? FAR : away * away;
    }
    away = Infinity;
    for (let x = width - 1; x >= 0; x--) {
      away = data[first + x] >= 128 ? 0 : away + 1;
      if (away * away < square[first + x]) square[first + x] = away * away;
    }
  }

  /** The lower envelope of the parabolas that stand on a column's values. */
  function alongColumn(column, square, x, width, { places, bounds }) {
    let last = -1;
    for (let q = 0; q < column.length; q++) {
      if (column[q] >= FAR) continue;
      let from = -Infinity;
      while (last >= 0) {
        const p = places[last];
        from = (column[q] + q * q - column[p] - p * p) / (2 * (q - p));
        if (from > bounds[last]) break;
        last--;
        from = -Infinity;
      }
      last++;
      places[last] = q;
      bounds[last] = from;
      bounds[last + 1] = Infinity;
    }
    for (let y = 0, k = 0; y < column.length; y++) {
      while (bounds[k + 1] < y) k++;
      const p = places[k];
      square[y * width + x] = (y - p) * (y - p) + column[p];
    }
  }

  /** Softens the edge over about `radius` pixels to each side: three box blurs, close to a Gaussian. In place. */
  function feather(data, width, height, radius) {
    const half = Math.max(1, Math.round(radius / 3));
    const line = new Uint8Array(Math.max(width, height));
    for (let round = 0; round < 3; round++) {
      for (let y = 0; y < height; y++) blurLine(data, line, y * width, 1, width, half);
      for (let x = 0; x < width; x++) blurLine(data, line, x, width, height, half);
    }
  }

  function blurLine(data, line, first, stride, length, half) {
    let even = true;
    for (let i = 0, at = first; i < length; i++, at += stride) {
      line[i] = data[at];
      even &&= line[i] === line[0];
    }
    if (even) return;
    const size = 2 * half + 1;
    let sum = 0;
    for (let i = -half; i <= half; i++) sum += line[Math.min(length - 1, Math.max(0, i))];
    for (let i = 0, at = first; i < length; i++, at += stride) {
      data[at] = Math.round(sum / size);
      sum += line[Math.min(length - 1, i + half + 1)] - line[Math.max(0, i - half)];
    }
  }

  snowfox.edges = { grow, shrink, feather };
})();
