/** The part of pino-roll 4 that is used; the package brings no types. */
declare module 'pino-roll' {
  export interface RollingStream {
    write(text: string): void;
    flush(done: (error?: Error) => void): void;
    on(event: 'error', listener: (error: Error) => void): this;
  }

  export default function build(options: {
    readonly file: string;
    readonly size: string;
    readonly limit: { readonly count: number; readonly removeOtherLogFiles: boolean };
    readonly mode: number;
    readonly sync: boolean;
  }): Promise<RollingStream>;
}
