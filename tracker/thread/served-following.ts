import type { MessagePort } from "node:worker_threads";
import type { FollowedFolder, Following } from "../following.ts";
import type { FolderCall, FromThread, LogCall, ToThread } from "./messages.ts";

/** Answers the editor's thread: each message in its own time, those of one folder once it is open. */
export const serveFollowing = (port: MessagePort, following: Following): void => {
  const folders = new Map<number, Promise<FollowedFolder | null>>();
  const asked = new Map<number, (value: string | null) => void>();
  let nextId = 1;
  const send = (message: FromThread): void => port.postMessage(message);
  const ask = (message: (id: number) => FromThread): Promise<string | null> =>
    new Promise((resolve) => {
      const id = nextId;
      nextId += 1;
      asked.set(id, resolve);
      send(message(id));
    });

  const open = async ({ folder, wanted }: Extract<ToThread, { kind: "open" }>): Promise<unknown> => {
    const opening = following.open(wanted, {
      openText: (file) => ask((id) => ({ kind: "ask", id, folder, file })),
      changed: async (news) => void (await ask((id) => ({ kind: "changed", id, folder, news }))),
      failed: (message) => send({ kind: "failed", folder, message }),
    });
    folders.set(folder, opening);
    return (await opening)?.repository ?? null;
  };
  const inFolder = async (folder: number, { method, args }: FolderCall): Promise<unknown> => {
    const opened = await folders.get(folder);
    if (!opened) throw new Error("the folder is not open");
    if (method === "close") folders.delete(folder);
    return (opened[method] as (...args: unknown[]) => Promise<unknown>)(...args);
  };
  const inLog = ({ method, args }: LogCall): Promise<unknown> =>
    (following[method] as (...args: unknown[]) => Promise<unknown>)(...args);

  const take = (message: Exclude<ToThread, { kind: "reply" }>): Promise<unknown> => {
    switch (message.kind) {
      case "open":
        return open(message);
      case "folder":
        return inFolder(message.folder, message.call);
      case "log":
        return inLog(message.call);
      case "close":
        return following.close();
    }
  };
  port.on("message", (message: ToThread) => {
    if (message.kind === "reply") {
      asked.get(message.id)?.(message.value);
      asked.delete(message.id);
      return;
    }
    const { id } = message;
    take(message).then(
      (value) => send({ kind: "answer", id, value }),
      (error: Error) => send({ kind: "refusal", id, message: error.message }),
    );
  });
};
