//! Sizes of the image, in pixels, and how wide text is.

/// Of the text: a name of a box; of an interface; an address.
pub const NAME: f64 = 13.0;
pub const SMALL: f64 = 11.0;
/// From line to line of small text.
pub const LINE: f64 = 14.0;
/// Above a wire, for the name of its end.
pub const ABOVE: f64 = 15.0;
/// Between two boxes, or the labels of two wires, one above the other.
pub const GAP: f64 = 14.0;
/// Between a box and what is in it.
pub const PAD: f64 = 14.0;
/// Above the parts of a box, for its name.
pub const HEAD: f64 = 26.0;
/// Around all of it.
pub const MARGIN: f64 = 24.0;

/// How wide a text is at the most, as far as that can be told without its font.
pub fn width(text: &str, size: f64) -> f64 {
    let of = |character: char| match character {
        'i' | 'j' | 'l' | 'I' | '.' | ':' | ',' | '/' | '(' | ')' | ' ' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.98,
        'A'..='Z' => 0.76,
        c if c.is_ascii() => 0.64,
        // As wide as they are high, such as those of Chinese.
        c if u32::from(c) >= 0x1100 => 1.1,
        _ => 0.8,
    };
    (text.chars().map(of).sum::<f64>() * size).ceil()
}

/// Of names, which are bold.
pub fn bold_width(text: &str, size: f64) -> f64 {
    (width(text, size) * 1.1).ceil()
}

/// How much a wire takes whose ends have so many addresses, at the most; the next one is [`GAP`] below.
pub fn row_height(addresses: usize) -> f64 {
    const MORE: usize = 1;
    let lines = u32::try_from(addresses.max(MORE)).unwrap_or(u32::MAX);
    ABOVE + 1.0 + LINE * f64::from(lines)
}
