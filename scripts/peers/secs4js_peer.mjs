// secs4js as one end of an HSMS connection, told what to do a line at a time.
//
// usage: node secs4js_peer.mjs host|equipment active|passive PORT
//
// The same orders and facts as secsgem_peer.py, which explains them. It has to lie beside the
// node_modules with secs4js in it.
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { A, B, Gem, HsmsActiveCommunicator, HsmsPassiveCommunicator, L } from "secs4js";

const [role, mode, port] = process.argv.slice(2);
const isEquip = { host: false, equipment: true }[role];

const tell = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

class Passive extends HsmsPassiveCommunicator {
  // It listens anew after each connection, and has no event for that.
  listenOnce(onListening) {
    return super.listenOnce(() => {
      this.port = this.server.address().port;
      tell("listening", { addr: `127.0.0.1:${this.port}` });
      onListening?.();
    });
  }
}

const Communicator = { active: HsmsActiveCommunicator, passive: Passive }[mode];
const comm = new Communicator({
  ip: "127.0.0.1",
  port: Number(port),
  deviceId: 0,
  isEquip,
  timeoutT3: 10,
  timeoutT5: 1,
  timeoutT6: 5,
  // It counts linktests in the record if it sends some by itself.
  linkTestInterval: 600_000,
});
const gem = new Gem(comm);
gem.mdln = "secs4js";
gem.softrev = "0.4.7";

const name = (message) => `S${message.stream}F${message.func}`;
const text = (message) => message.body?.toBuffer() ?? Buffer.alloc(0);
const body = (message) => ({
  bytes: text(message).length,
  sha256: createHash("sha256").update(text(message)).digest("hex"),
});

const answers = {
  S1F1: (asked) => comm.reply(asked, 1, 2, isEquip ? L(A(gem.mdln), A(gem.softrev)) : L()),
  S1F13: (asked) => gem.s1f14(asked, 0),
  S2F25: (asked) => comm.reply(asked, 2, 26, asked.body),
};

comm.on("connected", () => tell("connected"));
comm.on("selected", () => tell("selected"));
comm.on("disconnected", () => tell("closed"));
// Without a listener an "error" would end the process: it throws inside socket callbacks.
comm.on("error", (error) => tell("error", { text: String(error) }));
comm.on("message", (message) => {
  tell("received", { message: name(message), system: message.systemBytes, ...body(message) });
  answers[name(message)]?.(message).catch((error) => tell("error", { text: String(error) }));
});

async function ask(order, stream, func, item) {
  try {
    const answer = await comm.send(stream, func, true, item);
    const same = text(answer).equals(item?.toBuffer() ?? Buffer.alloc(0));
    tell("answer", { to: order, ok: true, message: name(answer), same, ...body(answer) });
  } catch (error) {
    tell("answer", { to: order, ok: false, text: String(error) });
  }
}

async function linktest() {
  try {
    await comm.sendLinkTestReq();
    tell("answer", { to: "linktest", ok: true });
  } catch (error) {
    tell("answer", { to: "linktest", ok: false, text: String(error) });
  }
}

async function leave() {
  await comm.sendSeparateReq();
  await comm.close();
  tell("left");
}

const orders = {
  establish: () => ask("establish", 1, 13, isEquip ? L(A(gem.mdln), A(gem.softrev)) : L()),
  "are-you-there": () => ask("are-you-there", 1, 1, null),
  loopback: (size) =>
    ask("loopback", 2, 25, B(Buffer.from({ length: Number(size) }, (_, i) => (i * 7) % 251))),
  linktest,
  leave,
  return: () => comm.open(),
  quit: () => process.exit(0),
};

comm.open();
for await (const line of createInterface({ input: process.stdin })) {
  const [order, ...words] = line.trim().split(/\s+/);
  // Not awaited: open() is done only when it has connected.
  orders[order](...words);
}
