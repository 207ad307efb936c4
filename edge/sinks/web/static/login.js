import { api } from "./api.js";
import { h, icon } from "./dom.js";

export function loginPage(done) {
  const problem = h("p", { class: "problem", role: "alert" });
  const name = h("input", { id: "name", name: "name", autocomplete: "username", required: true, maxlength: "64", autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: "1000" });
  const button = h("button", { type: "submit", class: "main" }, "Log in");
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    problem.replaceChildren();
    try {
      await api("login", { method: "POST", json: { name: name.value, password: password.value } });
      done();
    } catch (error) {
      problem.replaceChildren(icon("bad"), error.message);
      password.value = "";
      password.focus();
    } finally {
      button.disabled = false;
    }
  }
  return h(
    "form",
    { class: "card narrow", onsubmit: submit },
    h("h1", {}, "Log in"),
    h("label", { for: "name" }, "Name", name),
    h("label", { for: "password" }, "Password", password),
    problem,
    button,
  );
}
