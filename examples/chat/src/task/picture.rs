//! The Mandelbrot set, row by row.

use png::{BitDepth, ColorType, Encoder, EncodingError};

const WIDTH: usize = 480;
const HEIGHT: usize = 300;
const ITERATIONS: u32 = 2_000;

pub(super) struct Picture {
    /// One byte for each pixel: its colour in the palette.
    pixels: Vec<u8>,
}

impl Picture {
    pub(super) fn new() -> Self {
        Self { pixels: Vec::with_capacity(WIDTH * HEIGHT) }
    }

    /// Draws the rows of one step of so many.
    pub(super) fn draw(&mut self, step: usize, of: usize) {
        let rows = self.pixels.len() / WIDTH..HEIGHT * step / of;
        for row in rows {
            self.pixels.extend((0..WIDTH).map(|column| colour(column, row)));
        }
    }

    pub(super) fn png(&self) -> Result<Vec<u8>, EncodingError> {
        let mut png = Vec::new();
        let mut encoder = Encoder::new(&mut png, WIDTH as u32, HEIGHT as u32);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_palette(palette());
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(png)
    }
}

/// How soon z² + c leaves the circle around zero; never within the set, which is black.
fn colour(column: usize, row: usize) -> u8 {
    let scale = 3.2 / WIDTH as f64;
    let (re, im) = (column as f64 * scale - 2.3, (row as f64 - HEIGHT as f64 / 2.0) * scale);
    let (mut x, mut y) = (0.0, 0.0);
    for n in 0..ITERATIONS {
        if x * x + y * y > 4.0 {
            return (n % 255 + 1) as u8;
        }
        (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
    }
    0
}

/// Black, and then colours from blue to gold, again and again.
fn palette() -> Vec<u8> {
    let colours = (0..255).flat_map(|n| {
        let wave = |phase: f64| {
            let angle = f64::from(n) * std::f64::consts::TAU / 51.0 + phase;
            (127.5 - 127.5 * angle.cos()) as u8
        };
        [wave(0.0), wave(0.4), wave(0.9)]
    });
    [0, 0, 0].into_iter().chain(colours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_drawn_once_and_the_picture_can_be_read() {
        let mut picture = Picture::new();
        (1..=7).for_each(|step| picture.draw(step, 7));
        let png = picture.png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (WIDTH, HEIGHT));
        assert_eq!(pixels, picture.pixels);
        // Zero is in the set, and the corner is far away.
        assert_eq!(colour(WIDTH * 23 / 32, HEIGHT / 2), 0);
        assert_eq!(colour(0, 0), 2);
    }
}
