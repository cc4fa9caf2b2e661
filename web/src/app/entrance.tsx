// The ways in: signing in, and the first run.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { send, words } from "./api";
import { PublishHere } from "./publish-here";
import { Field } from "./parts";
import { go } from "./route";
import { enter, server, signIn } from "./session";
import { t } from "./words";

export function SignIn() {
  const wrong = useSignal("");
  const busy = useSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    wrong.value = "";
    try {
      await signIn(String(form.get("user")), String(form.get("password")));
    } catch (error) {
      wrong.value = words(error);
    }
    busy.value = false;
  };
  return (
    <form class="narrow card" onSubmit={(e) => void submit(e)}>
      <h1>{t("signin.title")}</h1>
      <Field label={t("signin.user")}>{(c) => <input {...c} name="user" autocomplete="username" required />}</Field>
      <Field label={t("signin.password")} wrong={wrong.value}>{(c) => <input {...c} name="password" type="password" autocomplete="current-password" required />}</Field>
      <button class="primary" disabled={busy.value}>{t("signin.go")}</button>
    </form>
  );
}

const shortest = 8; // characters of a password

// Setup is what is seen at the first run: the one-time link, the account, where to publish.
export function Setup({ token }: { token: string }) {
  const step = useSignal(token ? 2 : 1);
  const secret = useSignal(token);
  const user = useSignal("admin");
  const wrong = useSignal({ password: "", again: "", all: "" });
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), [step.value]);
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const password = String(form.get("password"));
    wrong.value = {
      password: password.length < shortest ? t("setup.password.short") : "",
      again: form.get("again") === password ? "" : t("setup.again.differs"),
      all: "",
    };
    if (wrong.value.password || wrong.value.again) return;
    try {
      await send("POST", "/setup", { token: secret.value, user: user.value, password });
      await enter(); // it signs in, too
      history.replaceState(null, "", "/setup"); // the token is used up
      step.value = 3;
    } catch (error) {
      wrong.value = { ...wrong.value, all: words(error) };
    }
  };
  const steps = ["setup.link", "setup.account", "setup.publish"] as const;
  return (
    <section class="narrow card" aria-labelledby="setup-title">
      <h1>{t("setup.title")}</h1>
      <p>{t("setup.intro")}</p>
      <ol class="steps">{steps.map((each, i) => <li key={each} aria-current={step.value === i + 1 ? "step" : undefined}>{t(each)}</li>)}</ol>
      <h2 id="setup-title" tabIndex={-1} ref={title}>{t("setup.step", { n: step.value })}: {t(steps[step.value - 1] ?? "setup.link")}</h2>
      {step.value === 1 && (
        <form onSubmit={(e) => (e.preventDefault(), (step.value = 2))}>
          <Field label={t("setup.token")} help={t("setup.token.help")}>
            {(c) => <input {...c} value={secret.value} onInput={(e) => (secret.value = e.currentTarget.value.replace(/^.*token=/, ""))} autocomplete="off" required />}
          </Field>
          <button class="primary">{t("setup.next")}</button>
        </form>
      )}
      {step.value === 2 && (
        <form onSubmit={(e) => void create(e)} noValidate>
          <Field label={t("signin.user")} help={t("setup.user.help")}>
            {(c) => <input {...c} name="user" autocomplete="username" value={user.value} onInput={(e) => (user.value = e.currentTarget.value)} required />}
          </Field>
          <Field label={t("signin.password")} help={t("setup.password.help")} wrong={wrong.value.password}>
            {(c) => <input {...c} name="password" type="password" autocomplete="new-password" required />}
          </Field>
          <Field label={t("setup.again")} wrong={wrong.value.again}>
            {(c) => <input {...c} name="again" type="password" autocomplete="new-password" required />}
          </Field>
          {wrong.value.all && <p class="wrong" role="alert">✗ {wrong.value.all}</p>}
          <div class="row">
            {!token && <button type="button" onClick={() => (step.value = 1)}>{t("setup.back")}</button>}
            <button class="primary">{t("setup.finish")}</button>
          </div>
        </form>
      )}
      {step.value === 3 && (
        <>
          <p>{t("setup.publish.help")}</p>
          {server.value && <PublishHere open />}
          <button type="button" class="primary" onClick={() => void enter().then(() => go("overview"))}>{t("setup.done")}</button>
        </>
      )}
    </section>
  );
}
