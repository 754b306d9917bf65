//! Group 2: other JSON, and none.
use super::*;

const ANY_JSON: &str = "a device takes any valid JSON: other spacing, another order, characters \
                        escaped or not";
const FIELDS: &str = "a command has opcode toggle, a device_id, a msg_id and a boolean state; \
                      anything else is none, and must not be acknowledged";
const MORE: &str = "whether keys that nobody knows are passed over is not said";

pub(super) const CASES: &[Case] = &[
    answered(
        "toggle/2.1",
        "without spaces",
        ANY_JSON,
        asks![Framed(
            "f00d01",
            &Words(r#"{"opcode":"toggle","device_id":<i>,"msg_id":"<u>","state":true}"#)
        )],
    ),
    answered(
        "toggle/2.2",
        "in another order",
        ANY_JSON,
        asks![Framed(
            "f00d01",
            &Words(r#"{"state": true, "msg_id": "<u>", "device_id": <i>, "opcode": "toggle"}"#)
        )],
    ),
    answered(
        "toggle/2.3",
        "with spaces and line ends",
        ANY_JSON,
        asks![Framed(
            "f00d01",
            &Words(
                "\r\n{\n\t\"opcode\" : \"toggle\",\n\t\"device_id\" : <i>,\n\t\"msg_id\" : \"<u>\",\
             \n\t\"state\" : true\n}\n"
            )
        )],
    ),
    answered(
        "toggle/2.4",
        "with an escaped letter",
        ANY_JSON,
        asks![Framed(
            "f00d01",
            &Words(
                r#"{"opcode": "togg\u006ce", "device_id": <i>, "msg_id": "<u>", "state": true}"#
            )
        )],
    ),
    Case::new(
        "toggle/2.5",
        "with a key of its own",
        MORE,
        asks![Framed(
            "f00d01",
            &Words(
                r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>", "state": true, "x": {"y": []}}"#
            )
        )],
    ),
    Case::new(
        "toggle/2.6",
        "a device nobody knows",
        "what a strange device_id brings is not said",
        asks![Framed(
            "f00d01",
            &Words(
                r#"{"opcode": "toggle", "device_id": "nobody-<v>", "msg_id": "<u>", "state": true}"#
            )
        )],
    ),
    refused("toggle/2.7", "no JSON", FIELDS, tells!("toggle D1 on")),
    refused("toggle/2.8", "half a JSON object", FIELDS, tells!(r#"{"opcode": "toggle", "#)),
    refused("toggle/2.9", "an array", FIELDS, tells!(r#"["toggle", "D1", "<u>", true]"#)),
    refused("toggle/2.10", "an empty object", FIELDS, tells!("{}")),
    refused(
        "toggle/2.11",
        "another opcode",
        FIELDS,
        tells!(r#"{"opcode": "explode", "device_id": <i>, "msg_id": "<u>", "state": true}"#),
    ),
    refused(
        "toggle/2.12",
        "an answer instead of a command",
        FIELDS,
        tells!(r#"{"opcode": "ack", "msg_id": "<u>"}"#),
    ),
    refused(
        "toggle/2.13",
        "no opcode",
        FIELDS,
        tells!(r#"{"device_id": <i>, "msg_id": "<u>", "state": true}"#),
    ),
    refused(
        "toggle/2.14",
        "no device_id",
        FIELDS,
        tells!(r#"{"opcode": "toggle", "msg_id": "<u>", "state": true}"#),
    ),
    refused(
        "toggle/2.15",
        "no msg_id",
        FIELDS,
        tells!(r#"{"opcode": "toggle", "device_id": <i>, "state": true}"#),
    ),
    refused(
        "toggle/2.16",
        "no state",
        FIELDS,
        tells!(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>"}"#),
    ),
    refused(
        "toggle/2.17",
        "a state in words",
        FIELDS,
        tells!(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": "<u>", "state": "banana"}"#),
    ),
    refused(
        "toggle/2.18",
        "a number as msg_id",
        FIELDS,
        tells!(r#"{"opcode": "toggle", "device_id": <i>, "msg_id": 7, "state": true}"#),
    ),
    refused(
        "toggle/2.19",
        "bytes that are no UTF-8",
        FIELDS,
        &[
            Connect,
            Send(Framed(
                "f00d01",
                &Joined(&[
                    Words(r#"{"opcode": "toggle", "device_id": "#),
                    Hex("22 fffe c0 22"),
                    Words(r#", "msg_id": "<u>", "state": true}"#),
                ]),
            )),
            Watch(Frames(1)),
            ALIVE,
        ],
    ),
    refused(
        "toggle/2.20",
        "ten thousand brackets",
        FIELDS,
        &[
            Connect,
            Send(Filled { head: "f00d01 00002710", unit: "5b", times: 10_000, tail: "" }),
            Watch(Frames(1)),
            ALIVE,
        ],
    ),
];
