//! The pages of labs.

use super::Page;
use super::shared::{
    CHANGING, CHECKING, COLOUR, DIFFERING, IP, LAB_FILES, READING, RUNNING, SPACES, WALLS,
};

pub const PAGES: &[Page] = &[
    page!(
        "up",
        CHANGING,
        LAB_FILES,
        COLOUR,
        &["down", "plan", "diff", "check", "labs", "run"],
        IP,
        &[
            (
                "sudo netns-tool up shop.toml",
                "Build the lab, or put right what is not as the file says."
            ),
            (
                "sudo netns-tool up shop.toml --name other",
                "Build it once more, under another name."
            ),
        ]
    ),
    page!(
        "down",
        CHANGING,
        LAB_FILES,
        COLOUR,
        &["up", "labs"],
        IP,
        &[
            ("sudo netns-tool down shop.toml", "Take down the lab of a file."),
            ("sudo netns-tool down shop", "Take it down by its name: the file is not needed."),
        ]
    ),
    page!(
        "plan",
        READING,
        LAB_FILES,
        COLOUR,
        &["up", "diff"],
        IP,
        &[
            (
                "sudo netns-tool plan shop.toml",
                "Show the commands that `up` would run, as a shell script."
            ),
            ("sudo netns-tool plan shop.toml --json", "Show them to a program."),
        ]
    ),
    page!(
        "diff",
        DIFFERING,
        LAB_FILES,
        COLOUR,
        &["up", "plan", "labs"],
        IP,
        &[
            ("sudo netns-tool diff shop.toml", "Say what is not as the file says, a line each."),
            ("sudo netns-tool diff shop.toml --quiet", "Say nothing if all is."),
        ]
    ),
    page!(
        "check",
        CHECKING,
        LAB_FILES,
        COLOUR,
        &["up", "run"],
        WALLS,
        &[
            (
                "sudo netns-tool check shop.toml",
                "Test what the `[[expect]]` tables of the file say."
            ),
            ("sudo netns-tool check shop.toml --matrix", "Show also who reaches whom."),
            ("sudo netns-tool check shop.toml --format junit", "Report to a CI system."),
        ]
    ),
    page!(
        "labs",
        READING,
        LAB_FILES,
        COLOUR,
        &["list", "up", "down"],
        IP,
        &[
            ("sudo netns-tool labs", "List the labs that are up."),
            ("sudo netns-tool labs --json", "The same for a program."),
        ]
    ),
    page!(
        "run",
        RUNNING,
        LAB_FILES,
        COLOUR,
        &["up", "check", "sandbox", "exec"],
        SPACES,
        &[
            (
                "sudo netns-tool run shop.toml --in web -- make test",
                "Run the tests inside of a namespace of the lab, and take the lab down whatever comes out."
            ),
            (
                "netns-tool run shop.toml --sandbox -- make test",
                "Do all of it in a private host, without root's rights."
            ),
        ]
    ),
];
