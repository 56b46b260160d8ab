// A browser starts no workers in a page that is opened from the disk. There the search runs in a
// hidden frame, which takes and gives the messages of a worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(source) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      this.inside = this.frame.contentWindow;
      const page = this.inside.document;
      page.open();
      this.inside.postMessage = (data) =>
        this.dispatchEvent(new MessageEvent("message", { data }));
      this.inside.importScripts = async (...sources) => {
        for (const one of sources) {
          const script = page.createElement("script");
          script.src = one;
          await new Promise((loaded) => {
            script.onload = loaded;
            page.body.append(script);
          });
        }
      };
      this.ready = new Promise((loaded) => {
        this.inside.addEventListener("load", loaded);
      });
      page.write(`<body><script src="${source}"><\/script></body>`);
      page.close();
    }

    async postMessage(data) {
      await this.ready;
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
