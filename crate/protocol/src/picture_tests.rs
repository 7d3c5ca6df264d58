//! What a picture's head tells, and what is refused by it.

use super::*;

fn png(width: u32, height: u32, more: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 1, 2, 3, 4]);
    bytes.extend(more);
    bytes
}

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len() + 8).expect("a short box");
    [&len.to_be_bytes(), &name[..], content].concat()
}

fn avif(brand: &[u8; 4], sizes: &[(u32, u32)]) -> Vec<u8> {
    let ispe = |(width, height): &(u32, u32)| {
        boxed(b"ispe", &[&[0; 4][..], &width.to_be_bytes(), &height.to_be_bytes()].concat())
    };
    let properties: Vec<u8> = sizes.iter().flat_map(ispe).collect();
    let properties = boxed(b"iprp", &boxed(b"ipco", &[boxed(b"pixi", &[0; 8]), properties].concat()));
    let meta = boxed(b"meta", &[&[0; 4][..], &boxed(b"hdlr", &[0; 24]), &properties].concat());
    [boxed(b"ftyp", &[&brand[..], &[0; 4], b"mif1avif"].concat()), meta, boxed(b"mdat", b"x")].concat()
}

const PNG_END: &[u8] = b"\0\0\0\x01IDATx1234";

#[test]
fn each_type_tells_its_size() {
    let sized = |media_type, bytes: &[u8]| picture_size(media_type, bytes);
    assert_eq!(sized("image/png", &png(640, 480, PNG_END)), Ok((640, 480)));
    let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08\x01\xe0\x02\x80";
    assert_eq!(sized("image/jpeg", jpeg), Ok((640, 480)));
    assert_eq!(sized("image/webp", b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\xe0\x01"), Ok((640, 480)));
    assert_eq!(sized("image/webp", b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x77\x00"), Ok((640, 480)));
    assert_eq!(sized("image/webp", b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0"), Ok((640, 480)));
    assert_eq!(sized("image/avif", &avif(b"avif", &[(320, 480), (640, 240)])), Ok((640, 480)));
}

#[test]
fn what_would_fill_the_memory_is_refused() {
    let too_large = Err(PictureError::TooLarge);
    let most = u32::try_from(PICTURE_PIXELS_MAX / 4_096).expect("a side");
    assert_eq!(picture_size("image/png", &png(most, 4_096, PNG_END)), Ok((most, 4_096)));
    assert_eq!(picture_size("image/png", &png(most + 1, 4_096, PNG_END)), too_large);
    assert_eq!(picture_size("image/png", &png(8_000, 5_000, PNG_END)), too_large, "40 megapixels");
    assert_eq!(picture_size("image/png", &png(PICTURE_SIDE_PX_MAX + 1, 1, PNG_END)), too_large);
    assert_eq!(picture_size("image/png", &png(u32::MAX, u32::MAX, PNG_END)), too_large);
    assert_eq!(picture_size("image/png", &png(0, 1, PNG_END)), Err(PictureError::Other));
    assert_eq!(picture_size("image/avif", &avif(b"avif", &[(64, 64), (8_000, 5_000)])), too_large);
    let vp8x = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff";
    assert_eq!(picture_size("image/webp", vp8x), too_large);
    let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff";
    assert_eq!(picture_size("image/jpeg", jpeg), too_large);
}

#[test]
fn what_moves_is_refused() {
    let moves = Err(PictureError::Moves);
    assert_eq!(picture_size("image/png", &png(1, 1, &[b"\0\0\0\0acTL1234", PNG_END].concat())), moves);
    assert_eq!(picture_size("image/webp", b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\x02\0\0\0\x7f\x02\0\xdf\x01\0"), moves);
    assert_eq!(picture_size("image/avif", &avif(b"avis", &[(1, 1)])), moves);
}

#[test]
fn what_is_of_another_type_is_refused() {
    let other = Err(PictureError::Other);
    assert_eq!(picture_size("image/gif", b"GIF89a"), other);
    assert_eq!(picture_size("image/jpeg", &png(1, 1, PNG_END)), other);
    // Compatible with AVIF, but something else in the first place.
    assert_eq!(picture_size("image/avif", &avif(b"mif1", &[(1, 1)])), other);
    assert_eq!(picture_size("image/avif", &avif(b"avif", &[])), other, "no size");
    assert_eq!(picture_size("image/avif", b"\0\0\0\x20ftypavif\0\0\0\0"), other);
    for media_type in PICTURE_TYPES {
        assert_eq!(picture_size(media_type, b""), other);
    }
    let whole = avif(b"avif", &[(640, 480)]);
    for end in 0..whole.len() - 9 {
        assert_eq!(picture_size("image/avif", &whole[..end]), other, "cut at {end}");
    }
}

#[test]
fn an_svg_is_shapes_and_text() {
    let size = |text: &str| picture_size("image/svg+xml", text.as_bytes());
    let root = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"64\" height='48'>";
    assert_eq!(size(&format!("<?xml version=\"1.0\"?><!-- <script> -->{root}<path d=\"M0 0\"/></svg>")), Ok((64, 48)));
    assert_eq!(size("<svg viewBox=\"0 0 640.5 , 480\"><g/></svg>"), Ok((640, 480)));
    assert_eq!(size("<svg width=\"100%\" height=\"100%\" viewBox=\"0,0,10,0.5\"/>"), Ok((10, 1)));
    assert_eq!(size("<svg width=\"12mm\" height=\"3em\"/>"), Ok((12, 3)));
    for none in
        ["<svg/>", "<svg width=\"1\"/>", "<svg width=\"1e9\" height=\"1\"/>", "", "<g width=\"1\" height=\"1\"/>"]
    {
        assert_eq!(size(none), Err(PictureError::Other), "{none}");
    }
    assert_eq!(size("<svg width=\"8000\" height=\"5000\"/>"), Err(PictureError::TooLarge));
    let not_allowed = [
        "<script/>",
        "<foreignObject/>",
        "<use href=\"#a\"/>",
        "<x:use href=\"#a\"/>",
        "<image/>",
        "<animate/>",
        "<set/>",
        "<a/>",
        "<pattern/>",
        "<filter/>",
        "<iframe/>",
        "<!ENTITY a 'b'>",
        "<SCRIPT/>",
        "<![IGNORE[",
        "<\u{0}script/>",
        "<!-->--><script/>",
    ];
    for inside in not_allowed {
        assert_eq!(size(&format!("{root}{inside}</svg>")), Err(PictureError::NotAllowed), "{inside}");
    }
    assert_eq!(size(&format!("<!DOCTYPE svg>{root}</svg>")), Err(PictureError::NotAllowed));
    assert_eq!(size(&format!("{root}{}</svg>", "<g/>".repeat(SVG_ELEMENTS_MAX))), Err(PictureError::TooLong));
    assert_eq!(size(&format!("{root}{}</svg>", " ".repeat(SVG_BYTES_MAX))), Err(PictureError::TooLong));
}

proptest::proptest! {
    /// Whatever follows a right beginning, nothing panics, and what is said is within the limits.
    #[test]
    fn any_bytes_are_judged(start in 0_usize..8, bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200)) {
        let starts: [&[u8]; 8] = [
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8X", b"RIFF\0\0\0\0WEBPVP8L",
            b"\0\0\0\x08ftyp", b"\0\0\0\x0cftypavif\0\0\0\x40meta\0\0\0\0\0\0\0\x30iprp\0\0\0\x28ipco", b"<svg width=\"", b"",
        ];
        let bytes = [starts[start], &bytes[..]].concat();
        for media_type in PICTURE_TYPES {
            if let Ok((width, height)) = picture_size(media_type, &bytes) {
                assert!(u64::from(width) * u64::from(height) <= PICTURE_PIXELS_MAX && width > 0 && height > 0);
            }
        }
    }
}
