/** What the API answers and the page keeps, as types for every module. */

interface Named {
  id: number;
  name: string;
  avatar: string;
}

interface Profile extends Named {
  email: string;
  user_info: string;
}

interface Friend extends Named {
  email: string;
  deleted: boolean;
}

interface Person extends Friend {
  user_info: string;
  groups: { id: number; name: string }[];
}

interface Member extends Named {
  /** 1: the owner, 2: an admin, 3: neither. */
  identity?: number;
}

interface Conversation extends Named {
  last_message: string;
  last_message_time: string;
  last_message_type: number;
  last_message_id?: number;
  is_chat_group: boolean;
  friend_id?: number;
  is_top: boolean;
  notice_able: boolean;
  unread_count: number;
}

interface Message {
  id: number;
  seq: number;
  version: number;
  /** 1: a picture, whose URL is the content. */
  type: 0 | 1;
  content: string;
  senderid: number;
  sendername: string;
  senderavatar: string;
  conversation: number;
  created_time: string;
  reply_to?: string;
  reply_to_id?: number;
  reply_to_type?: number;
  already_read?: boolean;
}

/** The messages of a conversation as far as they are known here. */
interface Room {
  messages: Message[];
  version: number;
  /** There is nothing older than the first message. */
  isAtStart: boolean;
}

/** What happened to a room since its version. */
interface Changes {
  messages: Message[];
  deleted_ids: number[];
  version: number;
}

/** A message on its way. */
interface Pending {
  client_id: string;
  conversation: number;
  content: string;
  reply: { id: number; content: string; type: number; name: string } | null;
  image?: Blob;
  /** The URL of the image on this page. */
  preview?: string;
  /** The newest message that was known when it was written. */
  sinceSeq: number;
  created_time: string;
  /** Why it will not be sent. */
  problem: string | null;
  /** What it became, once the server has answered. */
  sentSeq?: number;
}

/** Whether the page hears from the server. */
type Connection = "connecting" | "online" | "offline" | "too-many";

/** The symbols of icons.svg. */
type IconName =
  | "chat" | "people" | "search" | "settings" | "plus" | "send" | "image" | "back" | "info"
  | "more" | "pin" | "mute" | "reply" | "trash" | "copy" | "check" | "read" | "close"
  | "megaphone" | "logout" | "edit" | "eye" | "clock" | "alert" | "down" | "shield" | "window"
  | "folder" | "addPerson";

interface MenuItem {
  label: string;
  icon: IconName;
  run(): void;
  isDanger?: boolean;
}

interface State {
  config: {
    public_base: string;
    password_transport: string;
    password_transport_key: string;
    registration: string;
  };
  me: Profile | null;
  /** The parts of the address after `#/`. */
  route: string[];
  connection: Connection;
  isLoaded: boolean;
  conversations: Conversation[];
  rooms: Record<number, Room>;
  outbox: Pending[];
  friends: Friend[];
  requests: any[];
  groups: { id: number; name: string }[];
  /** Null until they are known. */
  blocks: Named[] | null;
  members: Record<number, { identity?: number; members: Member[] }>;
  announcements: Record<number, any[]>;
  invitations: Record<number, any[]>;
  /** The newest message in the open conversation, for screen readers. */
  heard: string;
  /** By conversation and user: read up to which seq. */
  readSeqs: Record<number, Record<number, number>>;
}

interface LiveHandlers {
  /** The socket stands: fetch what was missed. */
  onOpen(): void;
  onFrame(frame: any): void;
  onState(connection: Connection): void;
  /** The token has ended. */
  onEnded(): void;
  /** The handshake failed: the token may have ended. */
  onRefused(): void;
}

/** What a browser gives, or a test. */
interface Surroundings {
  connect(url: string, protocols: string[]): WebSocket;
  setTimer(callback: () => void, ms: number): any;
  clearTimer(timer: any): void;
  random(): number;
}

type Props = Record<string, any>;
type VElement = { tag: string; props: Props; children: VNode[] };
type VNode = VElement | string;
type Child = VNode | number | false | null | undefined | any[];
