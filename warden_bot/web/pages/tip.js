// Does the work on the page's number instead of a captcha, while somebody writes. Without it the form is taken too, only
// fewer of them. SHA-256 in plain words: the browser's own is not there on pages without https, and waits between hashes.
(function () {
  "use strict";
  var K = [], H0 = [];
  (function () {
    function part(x) { return ((x - Math.floor(x)) * 4294967296) | 0; }
    for (var n = 2; K.length < 64; n++) {
      var prime = true;
      for (var f = 2; f * f <= n; f++) { if (n % f === 0) { prime = false; break; } }
      if (prime) {
        if (H0.length < 8) { H0.push(part(Math.pow(n, 1 / 2))); }
        K.push(part(Math.pow(n, 1 / 3)));
      }
    }
  }());

  // The first 32 bits of the hash of a text of at most 55 plain letters, which is one block.
  function firstWord(text) {
    var w = [], i;
    for (i = 0; i < 16; i++) { w[i] = 0; }
    for (i = 0; i < text.length; i++) { w[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3)); }
    w[text.length >> 2] |= 128 << (24 - 8 * (text.length & 3));
    w[15] = text.length * 8;
    var h = H0.slice();
    for (i = 0; i < 64; i++) {
      if (i >= 16) {
        var x = w[i - 15], y = w[i - 2];
        w[i] = (w[i - 16] + w[i - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ (x >>> 3)) +
          ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ (y >>> 10))) | 0;
      }
      var e = h[4], a = h[0];
      var t1 = (h[7] + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) +
        ((e & h[5]) ^ (~e & h[6])) + K[i] + w[i]) | 0;
      var t2 = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) +
        ((a & h[1]) ^ (a & h[2]) ^ (h[1] & h[2]))) | 0;
      h = [(t1 + t2) | 0, a, h[1], h[2], (h[3] + t1) | 0, e, h[5], h[6]];
    }
    return (h[0] + H0[0]) | 0;
  }

  var challenge = document.getElementById("challenge").value, answer = 0;
  function work() {
    for (var stop = answer + 1000; answer < stop; answer++) {
      if (firstWord(challenge + ":" + answer) >>> 16 === 0) {
        document.getElementById("work").value = String(answer);
        return;
      }
    }
    setTimeout(work, 5);
  }
  setTimeout(work, 50);

  // Photos take a while over a slow line, and who presses again begins anew: the button rests, but never for good.
  var form = document.getElementById("tip"), button = form.querySelector("button"), said = button.textContent;
  function rested() { button.disabled = false; button.textContent = said; }
  form.addEventListener("submit", function () {
    setTimeout(function () { button.disabled = true; button.textContent = said + " …"; }, 0);
    setTimeout(rested, 20000);
  });
  window.addEventListener("pageshow", rested);
}());
