// A row program: a short list of row operations over line buffers, run as one sweep over the rows of an image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "box.hpp"
#include "row_kernels.hpp"
#include "types.hpp"

namespace imgfilt {

enum class OpKind : int {
    source,       // the image's own rows
    convert,      // inputs[0] to `dtype`: value * affine.scale + affine.bias, rounded
    luma,         // 3 or more channels to one
    taps,         // sum of weights * shifted rows of the inputs
    slide,        // running sum of `size` rows, from row y - origin
    window,       // sum of `size` pixels along the row, from pixel x - origin; of running sums also as pixels: `narrow`
                  // 16-bit sums as divide has them, others as convert
    gradient,     // scale * sqrt(a^2 + b^2), a the sum of the first `size` taps, b of the others; as pixels of
                  // integers
    divide,       // (x + init) * scale / 2^(16 + shift), rounding down: u16 to u8
    magnitude,    // scale * sqrt(sum of squares)
    maximum,      // largest of the inputs (or of their absolute values)
    combine,      // weighted sum (or its absolute value) + bias
    sharpen,      // image, blurred -> image + amount * (image - blurred) beyond a threshold
    premultiply,  // colours times alpha
    unpremultiply,  // colours divided by alpha
    linearize,      // sRGB to linear light; `absolute` says that the last channel is alpha
    delinearize,    // linear light to sRGB
    copy_alpha,     // colours of inputs[0], last channel of inputs[1]
    decimate,       // pixel q = pixel q * size + origin of the input's row y * step
    interleave,     // pixel x = pixel x / size of inputs[x % size]; beyond their ends the last one again
};

struct Tap {
    int input = 0;  // index into Op::inputs
    int dy = 0, dx = 0;
    double weight = 0.0;
    int phase = 0;  // in which rows it counts: those with y % Op::up == phase
};

// One operation; it produces one line per row. Lines of an op are numbered by its place in the program.
struct Op {
    OpKind kind = OpKind::source;
    DType dtype = DType::u8;
    int channels = 1;
    std::vector<int> inputs;
    // Rows and columns outside the image are those that the border says (true), or are computed like any
    // other from inputs beyond the border (false: a partial sum inside one convolution).
    bool extended = true;
    // Outside a constant border lies the constant itself (true) or what the op makes of constant inputs.
    bool stage = false;
    std::vector<Tap> taps;
    std::vector<double> weights;  // combine
    double init = 0.0;            // taps: added to every sum
    int shift = 0;                // taps to u8: shifted right at the end
    bool saturated = false;       // taps to u8: a signed 16-bit sum, saturated
    bool narrow = false;          // taps to u8, window: a 16-bit sum that needs no saturation, else a 32-bit one
    int size = 0, origin = 0;     // slide, window, decimate, interleave
    // taps, decimate: row y is made from rows around y / up * step of the inputs; taps are sorted by their phase.
    int up = 1, step = 1;
    int across = 1;  // taps: pixel q is made from pixels around q * across of the inputs; by `fused` alone
    int extra = 0;   // decimate, interleave, taps across: pixels more (or fewer) than a whole division or multiple of
                     // the input's
    Affine affine;
    double scale = 1.0, bias = 0.0, amount = 0.0, threshold = 0.0, full = 1.0;
    bool absolute = false;
};

// The same program with fewer ops: those that one loop does together are one.
std::vector<Op> fused(std::vector<Op> ops);

// Immutable once made; may be run by any number of threads at once.
class Program {
  public:
    // Throws std::invalid_argument where an op is malformed.
    explicit Program(std::vector<Op> ops);

    // Runs the program. Both views must fit it (dtype, channels); they must not overlap. The result is the
    // same for every `threads`. `rows` are those of the result from `begin` on.
    void run(const View& in, const View& rows, Border border, double cval, int threads, int64_t begin = 0) const;

    // Pixels of each op's lines, for images of this width.
    std::vector<int64_t> widths(int64_t width) const;

    // Bytes of line buffers that one thread needs for images of this width.
    int64_t workspace(int64_t image_width) const;

    // Rows of the image above and below a row of the output that it may depend on, where no border is near.
    int reach() const { return nodes_.front().reach; }

    // Rounded running sums begin anew at every multiple of so many rows: bits are the same wherever stripes begin.
    int64_t block() const;

  private:
    friend class Sweep;

    struct Node {
        Op op;
        int reach = 0;  // rows above and below the output row that may be needed
        // Rows after and before row y of the result that are needed for it, where no border is near.
        int ahead = 0, back = 0;
        std::vector<char> wanted;  // whether row at(y) + ahead - j is read for some y; where step is not 1
        int pad = 0;               // pixels needed beyond each end of a line
        int beside = 0;            // taps, gradient: pixels left and right of the output's that are read
        // Row y of the result is made from rows around y * step / up of this op.
        int64_t up = 1, step = 1;
        int64_t at(int64_t y) const { return up == 1 ? y * step : y / up * step; }
        int64_t last_of(int64_t y) const { return at(y) + reach; }
        int readers = 0;
        bool narrowed = false;    // its lines have another width than the image's
        std::vector<int> phases;  // taps: the first of each phase, and the end
        int together = 1;         // taps: rows that are made at once
        int column = -1;          // taps: the vertical sum that is made in the same pass, a strip of columns at a time
        int inside = 0;           // rows of which such a pass keeps strips; nobody else reads them
        Rectangle rectangle;      // taps of reals: what they fill row by row, of no height if they do not
        int top = 0, left = 0;    // where its first weight lies
        int spare = 0;            // lines kept beside those that its readers need, as rows are made in blocks
        bool along = false;       // taps: of neighbouring pixels of one row of reals
        int twin = -1;            // another vertical sum of the same rows, made in the same pass
        int64_t block = 0;        // slide: rows after which a rounded sum begins anew
        std::vector<int16_t> weights16;
        std::vector<int32_t> pairs;  // rectangles of 16-bit elements: the weights of two rows each
        std::vector<float> weights32;
        std::vector<double> weights64;
    };
    void find_reach();
    void find_window();
    void find_wanted();
    bool find_in_place() const;
    // Lines that are kept of an op: those that its readers may still ask for.
    static int64_t depth(const Node& node);
    // Bytes that an op needs beside its lines.
    static int64_t scratch(const Node& node, int64_t width);
    bool runs_along(const Op& window) const;

    int column_rows(const Node& node) const;
    void find_together();
    bool sums_pairs(const Op& op) const;
    static void find_rectangle(Node& node);
    void find_twins();

    std::vector<Node> nodes_;
    std::optional<Box> box_;  // where the whole program is one
    int64_t work_ = 0;        // bytes that the loops read and write for a pixel
    // Far from the borders each row of the result takes the next rows of each op: none is enlarged and skipped both.
    bool steady_ = true;
    bool reads_in_place_ = false;  // all ops that read beside a column of the image can do without columns beyond
};

}  // namespace imgfilt
