// Reads what ghostload/reporting/payload.py packs: base64 -> gzip -> header and byte-plane arrays.
"use strict";
(function () {
  const GL = (window.GL = window.GL || {});
  const TYPES = {
    u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array,
  };

  function bytesOf(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  async function inflate(bytes) {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser is too old to unpack the data; use one from 2023 or later");
    }
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function gather(bytes, start, length, Type) {
    const width = Type.BYTES_PER_ELEMENT;
    const out = new Uint8Array(length * width);
    for (let plane = 0; plane < width; plane++) {
      const from = start + plane * length;
      for (let i = 0; i < length; i++) out[i * width + plane] = bytes[from + i];
    }
    return new Type(out.buffer);
  }

  GL.unpack = async function (base64) {
    const bytes = await inflate(bytesOf(base64));
    const size = new DataView(bytes.buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
    const arrays = {};
    for (const entry of header.arrays) {
      arrays[entry.name] = gather(bytes, 4 + size + entry.offset, entry.length, TYPES[entry.type]);
    }
    return { meta: header.meta, arrays };
  };

  GL.readBlock = (id) => JSON.parse(document.getElementById(id).textContent);

  // Every element of the page is made here; text is always text, never markup.
  GL.el = function (tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  };

  GL.svg = function (tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  GL.format = function (value, digits) {
    if (!Number.isFinite(value)) return "unknown";
    return value.toLocaleString("en-US", { maximumFractionDigits: digits === undefined ? 0 : digits });
  };

  GL.percent = (value) => (Number.isFinite(value) ? `${GL.format(100 * value)} %` : "unknown");
})();
