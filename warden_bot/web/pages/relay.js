// One tap to copy the text, and a picture of it that can be sent on. Without this script the text can be selected by hand
// and the form still works.
(function () {
  "use strict";
  var text = document.getElementById("text");
  var words = text.textContent;

  function done(button, said) {
    var before = button.textContent;
    button.textContent = said;
    button.classList.add("done");
    setTimeout(function () { button.textContent = before; button.classList.remove("done"); }, 2500);
  }

  function select() {
    var range = document.createRange();
    range.selectNodeContents(text);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  // The in-app browsers of messengers know only this old way.
  function copyOldWay() {
    var area = document.createElement("textarea");
    area.value = words;
    area.setAttribute("readonly", "");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.appendChild(area);
    area.select();
    area.setSelectionRange(0, words.length);
    var worked = false;
    try { worked = document.execCommand("copy"); } catch (error) { worked = false; }
    area.remove();
    return worked;
  }

  var copy = document.getElementById("copy");
  copy.hidden = false;
  document.getElementById("by-hand").hidden = true;
  copy.addEventListener("click", function () {
    var later = navigator.clipboard && window.isSecureContext ? navigator.clipboard.writeText(words) : Promise.reject();
    later.catch(function () { if (!copyOldWay()) { throw new Error("select by hand"); } }).then(
      function () { done(copy, "复制好了，去群里粘贴"); },
      function () { select(); document.getElementById("by-hand").hidden = false; });
  });

  function linesOf(context, width) {
    var lines = [];
    words.split("\n").forEach(function (paragraph) {
      var line = "";
      Array.from(paragraph).forEach(function (one) {
        if (line && context.measureText(line + one).width > width) { lines.push(line); line = ""; }
        line += one;
      });
      lines.push(line);
    });
    return lines;
  }

  function drawCard() {
    var width = 1080, edge = 72, size = 48, gap = 78;
    var canvas = document.createElement("canvas");
    var context = canvas.getContext("2d");
    var font = size + "px 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif";
    context.font = font;
    var lines = linesOf(context, width - 2 * edge);
    canvas.width = width;
    canvas.height = Math.min(edge * 2 + 24 + lines.length * gap, 16000);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = "#1c4fa1";
    context.fillRect(0, 0, canvas.width, 24);
    context.fillStyle = "#14181f";
    context.font = font;
    context.textBaseline = "top";
    lines.forEach(function (line, place) { context.fillText(line, edge, 24 + edge + place * gap); });
    return canvas;
  }

  function offer(blob) {
    var file = new File([blob], "anquan.png", { type: "image/png" });
    var share = document.getElementById("share-picture"), copyPicture = document.getElementById("copy-picture");
    if (navigator.canShare && navigator.canShare({ files: [file] })) {
      share.hidden = false;
      share.addEventListener("click", function () { navigator.share({ files: [file] }).catch(function () {}); });
    }
    if (navigator.clipboard && window.ClipboardItem && window.isSecureContext) {
      copyPicture.hidden = false;
      copyPicture.addEventListener("click", function () {
        navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]).then(
          function () { done(copyPicture, "图片复制好了"); },
          function () { copyPicture.hidden = true; });
      });
    }
  }

  try {
    var canvas = drawCard();
    document.getElementById("card").src = canvas.toDataURL("image/png");
    document.getElementById("picture").hidden = false;
    canvas.toBlob(function (blob) { if (blob) { offer(blob); } }, "image/png");
  } catch (error) {
    document.getElementById("picture").hidden = true;
  }
}());
