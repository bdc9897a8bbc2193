//! The atlas in Chromium: points are selected by a box, and their list is copied.

use std::fs;

use serde_json::json;

use super::beds;
use super::chromium::in_chromium;
use super::onnxplain;

#[test]
fn a_box_selects_points_and_their_list_is_copied() {
    let bed = beds::frame();
    onnxplain(bed.path(), "spray out -o atlas --quiet").succeeded();
    let page = bed.path().join("atlas/atlas.html");
    let text = fs::read_to_string(&page).unwrap();
    assert!(
        !text.contains("http://")
            || text.matches("http://").count() == text.matches("http://www.w3.org").count()
    );
    let outcome = in_chromium(
        &page,
        r##"
        const canvas = document.getElementById("points");
        const frame = canvas.getBoundingClientRect();
        const event = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, { clientX: frame.left + x, clientY: frame.top + y, pointerId: 1, bubbles: true }));
        // The left half.
        event("pointerdown", 0, 0);
        event("pointermove", frame.width / 2, frame.height);
        event("pointerup", frame.width / 2, frame.height);
        const paths = document.getElementById("paths").value.split("\n");
        const half = paths.length, all = data.groups[view.group].n;
        let copied = null;
        Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => { copied = text; } }, configurable: true });
        document.getElementById("copy").click();
        await new Promise((done) => setTimeout(done, 50));
        const isCopied = copied === document.getElementById("paths").value;
        const said = document.getElementById("count").textContent;
        // Everything, then nothing.
        event("pointerdown", -5, -5); event("pointerup", frame.width + 5, frame.height + 5);
        const whole = document.getElementById("paths").value.split("\n").length;
        document.getElementById("clear").click();
        // A suspect's members.
        const card = document.querySelector("#suspects .card");
        [...card.querySelectorAll("button")].find((button) => button.textContent === "Show in the map").click();
        const members = document.getElementById("paths").value.split("\n").length;
        // Another graph, more clusters, another group: nothing breaks.
        document.getElementById("graph").value = "0"; document.getElementById("graph").dispatchEvent(new Event("change"));
        document.getElementById("clusters").value = "6"; document.getElementById("clusters").dispatchEvent(new Event("change"));
        document.getElementById("group").value = "1"; document.getElementById("group").dispatchEvent(new Event("change"));
        return { isPart: half > 0 && half < all, isWhole: whole === all, isCopied, said: said === `${half} of ${all} pictures selected`,
          isSuspect: members === data.suspects[0].n, isPath: paths.every((path) => path.startsWith("photos/")),
          isLeft: view.places.length === data.groups[1].n, hasNoScroll: document.documentElement.scrollWidth <= innerWidth };
        "##,
    );
    let Some(outcome) = outcome else { return };
    let expected = json!({ "isPart": true, "isWhole": true, "isCopied": true, "said": true, "isSuspect": true,
        "isPath": true, "isLeft": true, "hasNoScroll": true });
    assert_eq!(outcome, expected);
}
