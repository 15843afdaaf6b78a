// Tells the shop's page, which shows the window in a frame, how the visit ended. The message is for that page's origin
// only; a window that nobody frames has nobody to tell.
"use strict";

const { message, origin, waitMs } = document.currentScript.dataset;

if (window.parent !== window && origin !== "") {
  setTimeout(() => window.parent.postMessage(JSON.parse(message), origin), Number(waitMs));
}
