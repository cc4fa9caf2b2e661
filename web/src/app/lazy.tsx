// Parts of the page that are loaded when they are wanted.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure } from "./parts";
import { t } from "./words";

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let known: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, turn] = useState(0);
    const [error, fail] = useState<unknown>(null);
    const start = () => {
      fail(null);
      load().then((part) => {
        known = part;
        turn((n) => n + 1);
      }, fail);
    };
    useEffect(() => {
      if (!known) start();
    }, []);
    if (error) return <Failure error={error} retry={start} />;
    const Part = known;
    return Part ? <Part {...props} /> : <p role="status">{t("app.loading")}</p>;
  };
}
