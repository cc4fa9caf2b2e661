// Who is told of events, and how that went.
import { useSignal } from "@preact/signals";
import { create, type Delivery, list, seg, send, type Webhook, words } from "./api";
import { moment } from "./format";
import { Act, Copy, Failure, Field, State, Table, useAsked, useEvery } from "./parts";
import { may } from "./session";
import { t } from "./words";

export const commas = (text: string) => text.split(",").map((each) => each.trim()).filter(Boolean);

export function Webhooks() {
  const { value, error, again } = useAsked(() => list<Webhook>("/webhooks"), []);
  const open = useSignal("");
  const url = useSignal("");
  const events = useSignal("");
  const wrong = useSignal({ url: "", all: "" });
  const secret = useSignal("");
  const shown = value?.find((hook) => hook.id === open.value);
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    wrong.value = { url: /^https?:\/\/\S+$/.test(url.value) ? "" : t("hooks.url.wrong"), all: "" };
    if (wrong.value.url) return;
    try {
      const made = await create<Webhook>("/webhooks", { url: url.value, events: commas(events.value) });
      secret.value = made.secret ?? "";
      url.value = events.value = "";
      await again();
    } catch (error) {
      wrong.value = { url: "", all: words(error) };
    }
  };
  return (
    <>
      <div class="heading"><h1>{t("hooks.title")}</h1></div>
      {error != null && <Failure error={error} retry={() => void again()} />}
      {value && (
        <Table caption={t("hooks.title")} empty={t("hooks.none")} columns={[t("hooks.url"), t("hooks.events"), t("hooks.state"), t("app.actions")]}
          rows={value.map((hook) => ({
            key: hook.id,
            cells: [hook.url, hook.events?.join(", ") || "*", <>{hook.state && <State of={hook.state} />} {hook.message}</>, (
              <span class="row">
                <button type="button" aria-expanded={open.value === hook.id} aria-label={t("hooks.deliveries.of", { url: hook.url })} onClick={() => (open.value = open.value === hook.id ? "" : hook.id)}>{t("hooks.deliveries")}</button>
                <Act disabled={!may("configure")} done={t("hooks.tested", { url: hook.url })} act={async () => (await send("POST", `/webhooks/${seg(hook.id)}/test`), (open.value = hook.id))}>{t("hooks.test")}</Act>
                {hook.origin !== "file" && <Change of={hook} again={again} />}
                {hook.origin !== "file" && <Act disabled={!may("configure")} act={async () => (await send("PATCH", `/webhooks/${seg(hook.id)}`, { disabled: !hook.disabled }), await again())}>{t(hook.disabled ? "hooks.enable" : "hooks.disable")}</Act>}
                {hook.origin !== "file" && <Act class="danger" disabled={!may("configure")} sure={t("hooks.remove.sure", { url: hook.url })} act={async () => (await send("DELETE", `/webhooks/${seg(hook.id)}`), await again())}>{t("app.delete")}</Act>}
              </span>
            )],
          }))} />
      )}
      {shown && <Deliveries key={shown.id} of={shown} />}
      <form class="card narrow" onSubmit={(e) => void add(e)} noValidate aria-labelledby="add-hook">
        <h2 id="add-hook">{t("hooks.add")}</h2>
        <Field label={t("hooks.url")} wrong={wrong.value.url}>{(c) => <input {...c} inputMode="url" value={url.value} onInput={(e) => (url.value = e.currentTarget.value)} />}</Field>
        <Field label={t("hooks.events")} help={t("hooks.events.help")}>{(c) => <input {...c} value={events.value} onInput={(e) => (events.value = e.currentTarget.value)} />}</Field>
        {wrong.value.all && <p class="wrong" role="alert">✗ {wrong.value.all}</p>}
        {secret.value && <Copy label={t("access.secret")} text={secret.value} />}
        <button class="primary" disabled={!may("configure")}>{t("hooks.add")}</button>
      </form>
    </>
  );
}

// Change has what can be changed of a webhook behind a button.
function Change({ of, again }: { of: Webhook; again: () => Promise<void> }) {
  const open = useSignal(false);
  const url = useSignal(of.url);
  const events = useSignal(of.events?.join(", ") ?? "");
  const save = async () => {
    await send("PATCH", `/webhooks/${seg(of.id)}`, { url: url.value, events: commas(events.value) });
    open.value = false;
    await again();
  };
  return (
    <>
      <button type="button" aria-expanded={open.value} disabled={!may("configure")} aria-label={`${t("access.change")}: ${of.url}`} onClick={() => (open.value = !open.value)}>{t("access.change")}</button>
      {open.value && (
        <form aria-label={`${t("access.change")}: ${of.url}`} onSubmit={(e) => e.preventDefault()}>
          <Field label={t("hooks.url")}>{(c) => <input {...c} inputMode="url" value={url.value} onInput={(e) => (url.value = e.currentTarget.value)} />}</Field>
          <Field label={t("hooks.events")} help={t("hooks.events.help")}>{(c) => <input {...c} value={events.value} onInput={(e) => (events.value = e.currentTarget.value)} />}</Field>
          <Act class="primary" act={save}>{t("target.save")}</Act>
        </form>
      )}
    </>
  );
}

function Deliveries({ of }: { of: Webhook }) {
  const { value, error, again } = useAsked(() => list<Delivery>(`/webhooks/${seg(of.id)}/deliveries`), [of.id]);
  useEvery(3000, () => void again(), [of.id]);
  if (error && !value) return <Failure error={error} retry={() => void again()} />;
  return (
    <section>
      <h2>{t("hooks.deliveries.of", { url: of.url })}</h2>
      <Table caption={t("hooks.deliveries")} empty={t("hooks.deliveries.none")} columns={[t("hooks.time"), t("hooks.type"), t("hooks.state"), t("hooks.answer"), t("hooks.attempts")]}
        rows={(value ?? []).map((d) => ({ key: `${d.event_id} ${d.attempt}`, cells: [moment(d.at), d.type, <State of={d.state} />, d.error || d.status || t("app.none"), d.attempt] }))} />
    </section>
  );
}
