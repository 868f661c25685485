#include "sweep.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "border.hpp"
#include "dispatch.hpp"
#include "lines.hpp"

namespace imgfilt {

constexpr int64_t kStream = 16 << 20;  // bytes of output that would only push other things out of the caches
constexpr int64_t kPiece = 3840;       // bytes of the image between two moments of fetching
constexpr int64_t kNear = 10 << 20;    // bytes of image and output that are near the processor anyhow
constexpr int64_t kAhead = 12 << 10;   // bytes of the image fetched before they are needed: a part of the first cache
constexpr int64_t kRowsAhead = 3;  // at most, and where rows that are read several times are too long for that cache

static int64_t bytes_of_row(const View& v) { return v.width * v.channels * kSizeOf[static_cast<int>(v.dtype)]; }

constexpr int64_t kStrip = 8 << 10;  // bytes of a vertical sum's rows that stay in the first cache
constexpr int64_t kNarrowest = 512;  // elements of a strip: each costs some calls

class Sweep {
  public:
    Sweep(const Program& program, const View& in, const View& out, Border border, double cval)
        : program_(program),
          in_(in),
          out_(out),
          border_(border),
          cval_(cval),
          row_(*kernels().row),
          loaded_(program.nodes_.size() == 2 && program.nodes_.back().rectangle.height > 0 && packed(in)),
          finite_outside_(border != Border::constant || std::isfinite(cval)) {
        block_ = take_block(program.workspace(in.width));
        char* next = block_.memory.get();
        const std::vector<int64_t> widths = program.widths(in.width);
        lines_.resize(program.nodes_.size());
        for (size_t i = 0; i < lines_.size(); ++i) {
            const Program::Node& node = program.nodes_[i];
            Line& line = lines_[i];
            line.width = widths[i];
            line.lead = pad_bytes(node.pad, node.op.channels, node.op.dtype);
            line.stride = line_bytes(node.pad, node.op.channels, node.op.dtype, line.width);
            line.depth = program.depth(node);
            line.mask = std::has_single_bit(static_cast<uint64_t>(line.depth)) ? line.depth - 1 : -1;
            line.base = next;
            // Very many rows a multiple of a page apart would push each other out of the second cache.
            line.direct = i == 0 && node.pad == 0 && packed(in) && (line.depth <= 128 || in.row % 4096 != 0);
            next += line.stride * (line.depth + 1);
            line.scratch = next;
            next += Program::scratch(node, line.width);
        }
        for (Line& line : lines_) line.rows.assign(static_cast<size_t>(line.depth), INT64_MIN);
        for (size_t i = 0; i < lines_.size(); ++i)
            lines_[i].pointers.resize(
                std::max(program.nodes_[i].op.taps.size() + kBlockRows - 1, program.nodes_[i].op.inputs.size()));
        const int64_t row_bytes = bytes_of_row(in);
        const bool kept = lines_[0].direct && lines_[0].depth > 1;
        ahead_ = kept ? kRowsAhead : std::clamp<int64_t>(kAhead / std::max<int64_t>(1, row_bytes), 1, kRowsAhead);
        if (lines_.size() > 2 || loaded_) pieces_ = std::max<int64_t>(1, row_bytes / kPiece);
        if (program.nodes_.back().column >= 0)
            pieces_ = (lines_.back().width * out.channels - 1) / strip(program.nodes_.back()) + 1;
        fetching_ = row_bytes * in.height + bytes_of_row(out) * out.height > kNear;
        make_columns();
        for (size_t i = 1; i < lines_.size(); ++i) find_places(static_cast<int>(i));
        if (border == Border::constant)
            for (size_t i = 0; i < lines_.size(); ++i) make_constant(static_cast<int>(i));
    }

    ~Sweep() { give_back(std::move(block_)); }
    Sweep(const Sweep&) = delete;
    Sweep& operator=(const Sweep&) = delete;

    void run(int64_t first, int64_t last) {
        const int result = static_cast<int>(lines_.size()) - 1;
        for (size_t i = 0; i < lines_.size(); ++i) {
            const Program::Node& node = program_.nodes_[i];
            lines_[i].next = first / node.up * node.step - node.reach;
            if (is_real(node)) lines_[i].next = std::max<int64_t>(0, lines_[i].next);
            if (node.block > 0) lines_[i].next -= ((lines_[i].next % node.block) + node.block) % node.block;
            lines_[i].sum = nullptr;
            lines_[i].bad = INT64_MIN;
            lines_[i].end = is_real(node) ? in_.height : (last - 1) / node.up * node.step + node.reach + 1;
        }
        const int64_t out_bytes = bytes_of_row(out_);
        // A last loop that fetches its own target writes there faster.
        const bool stream = packed(out_) && out_bytes * out_.height > kStream && !fetches(program_.nodes_.back());
        const bool in_place = packed(out_) && !stream;
        if (program_.nodes_.back().together > 1) return run_together(first, last, in_place, stream);
        const Program::Node& source = program_.nodes_.front();
        const int64_t from = program_.resizes_ ? last : std::max<int64_t>(first, source.back);
        const int64_t to = std::min(last, in_.height - source.ahead);
        for (int64_t y = first; y < last; ++y) {
            char* target = in_place ? out_.data + y * out_.row : slot(result, 0);
            if (in_place && fetching_ && y + 1 < last) target_.start(target + out_.row, out_bytes, moments());
            if (y >= from && y < to) {
                if (y == from) prepare(y);
                steady_ = true;
                produce_steadily(y, target);
                steady_ = false;
            } else {
                produce(result, y, target);
            }
            if (stream)
                stream_row(target, out_.data + y * out_.row, out_bytes);
            else if (!in_place)
                store_row(out_, y, target);
        }
    }

  private:
    // The same where the last op makes several rows at once.
    void run_together(int64_t first, int64_t last, bool in_place, bool stream) {
        const int result = static_cast<int>(lines_.size()) - 1;
        const int together = program_.nodes_.back().together;
        const int64_t out_bytes = bytes_of_row(out_);
        for (int64_t y = first; y < last; y += together) {
            char* targets[kBlockRows];
            const int rows = static_cast<int>(std::min<int64_t>(together, last - y));
            for (int r = 0; r < rows; ++r) targets[r] = in_place ? out_.data + (y + r) * out_.row : slot(result, y + r);
            if (in_place && fetching_ && y + rows < last)
                target_.start(out_.data + (y + rows) * out_.row,
                              std::min<int64_t>(together - 1, last - y - rows - 1) * out_.row + out_bytes, moments());
            make_rows(result, y, targets, rows);
            for (int r = 0; r < rows && !in_place; ++r) {
                if (stream)
                    stream_row(targets[r], out_.data + (y + r) * out_.row, out_bytes);
                else
                    store_row(out_, y + r, targets[r]);
            }
        }
    }

    // Where an element of a row is: at `base` + `stride` * (row + `row` & `mask`).
    struct Place {
        const char* base;
        int64_t stride, mask, row;
    };

    struct Line {
        char* base = nullptr;     // depth + 1 lines; the last is the constant one
        char* scratch = nullptr;  // window: a piece of the sums, or two lines
        int64_t stride = 0, lead = 0, depth = 0, width = 0;
        int64_t mask = -1;                  // depth - 1 where that finds a row's place
        int64_t end = 0;                    // after the last row that is needed of a line whose rows come in blocks
        int64_t next = 0;                   // the next row of the image to be read, or of a running sum to be made
        std::vector<int64_t> rows;          // the row that each place of the ring holds
        bool direct = false;                // rows are the image's own
        char* sum = nullptr;                // slide: the line of the row before
        int64_t bad = INT64_MIN;            // slide: the last row that was not all finite
        std::vector<const char*> pointers;  // taps, or inputs, of the row in work
        std::vector<Place> places;          // of the taps, where their inputs' rows are found without dividing
    };

    // Rows are numbered 0 .. height - 1, and the border says which stands for one outside; else rows outside
    // have lines of their own. Rows that were enlarged or skipped are read one by one.
    bool is_real(const Program::Node& node) const {
        return node.op.extended && border_ != Border::wrap && node.reach > 0;
    }

    static int64_t place(const Line& line, int64_t row) {
        return line.mask >= 0 ? row & line.mask : ((row % line.depth) + line.depth) % line.depth;
    }
    char* slot(int i, int64_t row) const {
        const Line& line = lines_[i];
        return line.base + line.stride * place(line, row) + line.lead;
    }
    // Row `row` of op i's lines, made unless the ring holds it: rows that nobody asks for are never made.
    const char* produce_at(int i, int64_t row) {
        Line& line = lines_[i];
        char* target = slot(i, row);
        int64_t& held = line.rows[static_cast<size_t>(place(line, row))];
        if (held == row) return target;
        held = row;
        const int twin = program_.nodes_[static_cast<size_t>(i)].twin;
        if (twin >= 0) {
            produce_twins(i, twin, row);
            Line& other = lines_[static_cast<size_t>(twin)];
            other.rows[static_cast<size_t>(place(other, row))] = row;
        } else if (program_.nodes_[static_cast<size_t>(i)].together > 1) {
            produce_together(i, row);
        } else {
            produce(i, row, target);
            finish(i, row, target);
        }
        return target;
    }
    char* constant(int i) const { return lines_[i].base + lines_[i].stride * lines_[i].depth + lines_[i].lead; }

    // Element 0 of row `row` of op i's lines, produced if need be.
    const char* read(int i, int64_t row) {
        const Program::Node& node = program_.nodes_[i];
        Line& line = lines_[i];
        if (line.direct) {
            const int64_t y = border_index(row, in_.height, border_);
            if (y > line.next) {
                line.next = y;
                announce(y + ahead_);
            }
            return y < 0 ? constant(i) : in_.data + y * in_.row;
        }
        if (is_real(node)) {
            row = border_index(row, in_.height, border_);
            if (row < 0) return constant(i);
        }
        if (node.op.kind == OpKind::slide) {  // a sum rests on that of the row before
            while (line.next < row) produce_at(i, line.next++);
            line.next = std::max(line.next, row + 1);
        }
        return produce_at(i, row);
    }

    // Far from the borders each row of the result takes one new row of each op, those in their order, and finds all
    // others where they were put: nothing is asked. `prepare` makes what the first such row finds.
    void prepare(int64_t y) {
        for (size_t i = 0; i + 1 < lines_.size(); ++i) {
            const Program::Node& node = program_.nodes_[i];
            if (node.inside > 0) continue;
            for (int64_t row = y - node.back; row < y + node.ahead; ++row) read(static_cast<int>(i), row);
            if (node.block > 0 && lines_[i].next < y + node.ahead) read(static_cast<int>(i), y + node.ahead - 1);
        }
    }
    void produce_steadily(int64_t y, char* target) {
        const int result = static_cast<int>(lines_.size()) - 1;
        for (int i = 0; i < result; ++i) {
            const Program::Node& node = program_.nodes_[static_cast<size_t>(i)];
            if (node.inside > 0) continue;
            Line& line = lines_[static_cast<size_t>(i)];
            const int64_t row = y + node.ahead;
            if (line.direct) {
                line.next = row;
                announce(row + ahead_);
                continue;
            }
            int64_t& held = line.rows[static_cast<size_t>(place(line, row))];
            if (node.together > 1) {
                if (held == row) continue;
                held = row;
                produce_together(i, row);
                continue;
            }
            held = row;
            if (node.twin >= 0) {
                if (node.twin > i) produce_twins(i, node.twin, row);
                continue;
            }
            if (node.op.kind == OpKind::slide) line.next = row + 1;
            char* made = slot(i, row);
            produce(i, row, made);
            finish(i, row, made);
        }
        produce(result, y, target);
    }
    const char* made_row(int i, int64_t row) const {
        return lines_[static_cast<size_t>(i)].direct ? in_.data + row * in_.row : slot(i, row);
    }
    void find_places(int i) {
        const Op& op = program_.nodes_[static_cast<size_t>(i)].op;
        if (program_.resizes_) return;
        std::vector<Place> places;
        for (const Tap& tap : op.taps) {
            const int input = op.inputs[static_cast<size_t>(tap.input)];
            const Line& line = lines_[static_cast<size_t>(input)];
            const int64_t column =
                tap.dx * int64_t{op.channels} * kSizeOf[static_cast<int>(program_.nodes_[input].op.dtype)];
            if (line.direct)
                places.push_back({in_.data + column, in_.row, -1, tap.dy});
            else if (line.mask >= 0)
                places.push_back({line.base + line.lead + column, line.stride, line.mask, tap.dy});
            else
                return;
        }
        lines_[static_cast<size_t>(i)].places = std::move(places);
    }

    // The rows of the image and of the output are new in order: while some are worked on, later ones are fetched, a
    // part with every op, so that memory is never idle and never waited for.
    struct Fetch {
        Ahead rest;
        int64_t step = 0;

        void start(const char* row, int64_t bytes, int64_t moments) {
            if (rest.at >= rest.end || row != rest.end) rest.at = row;  // after a row not all fetched yet: both
            rest.end = row + bytes;
            step = round_up((rest.end - rest.at) / moments, kAlign);
        }
        Ahead part(int64_t moments) const { return {rest.at, std::min(rest.end, rest.at + step * moments)}; }
        // What a loop has left of its part.
        void finish(Ahead part) {
            for (; part.at < part.end; part.at += kAlign) __builtin_prefetch(part.at);
            rest.at = std::max(rest.at, part.at);
        }
    };
    void announce(int64_t y) {
        if (fetching_ && y < in_.height) source_.start(in_.data + y * in_.row, bytes_of_row(in_), moments());
    }
    // Loops with instructions enough to fetch between them. Where the last op has one the others leave it the work:
    // they would wait the longer for their own lines.
    static bool fetches(const Program::Node& node) {
        const Op& op = node.op;
        return op.kind == OpKind::gradient ||
               (op.kind == OpKind::taps && op.dtype == DType::u8 && !op.narrow && !op.saturated);
    }
    int64_t moments() const {
        const Program::Node& last = program_.nodes_.back();
        if (last.column >= 0 || loaded_) return pieces_ * last.together;
        return fetches(last) ? pieces_ : static_cast<int64_t>(lines_.size() - 1) * pieces_;
    }
    void fetch(int64_t moments) {
        if (!fetching_ || fetches(program_.nodes_.back())) return;
        source_.finish(source_.part(moments));
        target_.finish(target_.part(moments));
    }

    // Columns beyond both ends of a line.
    void finish(int i, int64_t row, char* line) {
        const Program::Node& node = program_.nodes_[i];
        if (node.pad == 0) return;
        if (node.op.kind == OpKind::decimate) return;  // made like the others
        const int64_t size = int64_t{node.op.channels} * kSizeOf[static_cast<int>(node.op.dtype)];
        char* end = line + in_.width * size;
        if (border_ == Border::constant) {
            const char* beyond = node.op.up == 1 ? constant(i) : phase_constant(i, row);
            std::memcpy(line - node.pad * size, beyond, static_cast<size_t>(node.pad * size));
            std::memcpy(end, beyond, static_cast<size_t>(node.pad * size));
            return;
        }
        switch (size) {  // calls of memcpy would take longer than their work
            case 1: return copy_columns<1>(node.pad, line, end, size);
            case 2: return copy_columns<2>(node.pad, line, end, size);
            case 3: return copy_columns<3>(node.pad, line, end, size);
            case 4: return copy_columns<4>(node.pad, line, end, size);
            case 6: return copy_columns<6>(node.pad, line, end, size);
            case 8: return copy_columns<8>(node.pad, line, end, size);
            case 12: return copy_columns<12>(node.pad, line, end, size);
            case 16: return copy_columns<16>(node.pad, line, end, size);
            default: return copy_columns<0>(node.pad, line, end, size);
        }
    }
    template <size_t Size>
    void copy_columns(int pad, char* line, char* end, int64_t size) const {
        const size_t bytes = Size > 0 ? Size : static_cast<size_t>(size);
        char *before = line, *after = end;
        for (int j = 0; j < pad; ++j) {
            before -= bytes;
            std::memcpy(before, line + left_[j] * static_cast<int64_t>(bytes), bytes);
            std::memcpy(after, line + right_[j] * static_cast<int64_t>(bytes), bytes);
            after += bytes;
        }
    }

    void make_columns() {
        int pad = 0;
        for (const Program::Node& node : program_.nodes_) pad = std::max(pad, node.pad);
        if (border_ == Border::constant) return;
        left_.resize(static_cast<size_t>(pad));
        right_.resize(static_cast<size_t>(pad));
        for (int j = 0; j < pad; ++j) {
            left_[j] = border_index(-1 - j, in_.width, border_);
            right_[j] = border_index(in_.width + j, in_.width, border_);
        }
    }

    // The same for a row of an op whose rows have several phases, far outside too.
    const char* phase_constant(int i, int64_t row) {
        constant_ = true;
        produce(i, row % program_.nodes_[i].op.up, constant(i));
        constant_ = false;
        widen_constant(i);
        return constant(i);
    }

    // The line that stands for rows outside a constant border, and for columns: `pad` pixels at both ends too.
    void make_constant(int i) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        char* line = constant(i);
        const int64_t width = lines_[i].width, n = width * op.channels;
        const int size = kSizeOf[static_cast<int>(op.dtype)];
        if (i == 0 || op.stage) {
            Affine affine;
            affine.bias = cval_;
            const double zero = 0.0;
            char value[8];
            if (op.dtype == DType::i32) {
                const int32_t v = static_cast<int32_t>(cval_);
                std::memcpy(value, &v, sizeof v);
            } else {
                row_.convert[static_cast<int>(DType::f64)][static_cast<int>(op.dtype)](&zero, affine, value, 1);
            }
            for (int64_t x = 0; x < n; ++x) std::memcpy(line + x * size, value, static_cast<size_t>(size));
        } else {
            // Far outside, where every row and column that an op reads is constant.
            constant_ = true;
            produce(i, 0, line);
            constant_ = false;
        }
        widen_constant(i);
    }

    // Images may be narrower than what is read beyond their ends.
    void widen_constant(int i) {
        const Program::Node& node = program_.nodes_[i];
        const int64_t pixel = int64_t{node.op.channels} * kSizeOf[static_cast<int>(node.op.dtype)];
        char* line = constant(i);
        for (int64_t j = 0; j < node.pad; ++j) {
            std::memcpy(line - (j + 1) * pixel, line, static_cast<size_t>(pixel));
            std::memcpy(line + (lines_[i].width + j) * pixel, line, static_cast<size_t>(pixel));
        }
    }

    const char* input(int i, int64_t row) {
        if (steady_) return made_row(i, row);
        return constant_ ? constant(i) : read(i, row);
    }

    template <class T>
    const T* input_as(const Op& op, int which, int64_t row) {
        return reinterpret_cast<const T*>(input(op.inputs[static_cast<size_t>(which)], row));
    }
    // Producing an input may produce others in turn, never this op's own: its pointers stay.
    template <class T>
    const T* const* all_inputs(int i, int64_t row) {
        const Op& op = program_.nodes_[i].op;
        std::vector<const char*>& pointers = lines_[i].pointers;
        for (size_t t = 0; t < op.inputs.size(); ++t) pointers[t] = input(op.inputs[t], row);
        return reinterpret_cast<const T* const*>(pointers.data());
    }

    void produce(int i, int64_t y, char* out) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        const int64_t width = lines_[i].width, n = width * op.channels;
        if (op.kind != OpKind::taps && op.kind != OpKind::gradient && !loaded_) fetch(pieces_);
        switch (op.kind) {
            case OpKind::source: {
                const int64_t row = border_index(y, in_.height, border_);
                if (loaded_) announce(row + kDenseRows);
                return load_row(in_, row, out);
            }
            case OpKind::convert: {
                const int from = static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype);
                return row_.convert[from][static_cast<int>(op.dtype)](input(op.inputs[0], y), op.affine, out, n);
            }
            case OpKind::luma:
                return row_.luma[static_cast<int>(op.dtype)](input(op.inputs[0], y),
                                                             program_.nodes_[op.inputs[0]].op.channels, out, width);
            case OpKind::taps:
            case OpKind::gradient: return taps(i, y, out, n);
            case OpKind::divide:
                return row_.divide_u16_u8(input_as<uint16_t>(op, 0, y), static_cast<uint16_t>(op.init),
                                          static_cast<uint16_t>(op.scale), op.shift, as<uint8_t>(out), n);
            case OpKind::slide: return slide(i, y, out, n);
            case OpKind::window: return window(i, y, out, n);
            case OpKind::magnitude: return magnitude(i, y, out, n);
            case OpKind::maximum: return maximum(i, y, out, n);
            case OpKind::combine:
                if (op.dtype == DType::f32)
                    return row_.combine_f32(all_inputs<float>(i, y), node.weights32.data(),
                                            static_cast<int>(op.inputs.size()), op.absolute,
                                            static_cast<float>(op.bias), as<float>(out), n);
                return row_.combine_f64(all_inputs<double>(i, y), node.weights64.data(),
                                        static_cast<int>(op.inputs.size()), op.absolute, op.bias, as<double>(out), n);
            case OpKind::sharpen:
                if (op.dtype == DType::f32)
                    return row_.sharpen_f32(input_as<float>(op, 0, y), input_as<float>(op, 1, y),
                                            static_cast<float>(op.amount), static_cast<float>(op.threshold),
                                            as<float>(out), n);
                return row_.sharpen_f64(input_as<double>(op, 0, y), input_as<double>(op, 1, y), op.amount, op.threshold,
                                        as<double>(out), n);
            case OpKind::premultiply:
                if (op.dtype == DType::f32)
                    return row_.premultiply_f32(input_as<float>(op, 0, y), op.channels, static_cast<float>(op.full),
                                                as<float>(out), width);
                return row_.premultiply_f64(input_as<double>(op, 0, y), op.channels, op.full, as<double>(out), width);
            case OpKind::unpremultiply:
                if (op.dtype == DType::f32)
                    return row_.unpremultiply_f32(input_as<float>(op, 0, y), op.channels, static_cast<float>(op.full),
                                                  as<float>(out), width);
                return row_.unpremultiply_f64(input_as<double>(op, 0, y), op.channels, op.full, as<double>(out), width);
            case OpKind::linearize:
                if (op.dtype == DType::f32)
                    return row_.linearize_f32(input_as<float>(op, 0, y), op.channels, op.absolute, op.full,
                                              as<float>(out), width);
                return row_.linearize_f64(input_as<double>(op, 0, y), op.channels, op.absolute, op.full,
                                          as<double>(out), width);
            case OpKind::delinearize:
                if (op.dtype == DType::f32)
                    return row_.delinearize_f32(input_as<float>(op, 0, y), op.channels, op.absolute, op.full,
                                                as<float>(out), width);
                return row_.delinearize_f64(input_as<double>(op, 0, y), op.channels, op.absolute, op.full,
                                            as<double>(out), width);
            case OpKind::copy_alpha:
                if (op.dtype == DType::f32)
                    return row_.copy_alpha_f32(input_as<float>(op, 0, y), input_as<float>(op, 1, y), op.channels,
                                               as<float>(out), width);
                return row_.copy_alpha_f64(input_as<double>(op, 0, y), input_as<double>(op, 1, y), op.channels,
                                           as<double>(out), width);
            case OpKind::decimate: return decimate(i, y, out, width);
            case OpKind::interleave: return interleave(i, y, out, width);
        }
    }

    template <class T>
    static T* as(char* p) {
        return reinterpret_cast<T*>(p);
    }

    void taps(int i, int64_t y, char* out, int64_t n) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        if (node.rectangle.height > 0) return dense(i, y, &out, 1);
        const DType from = program_.nodes_[op.inputs[0]].op.dtype;
        const int phase = static_cast<int>(y % op.up);
        const int first = op.up == 1 ? 0 : node.phases[static_cast<size_t>(phase)];
        const int k =
            (op.up == 1 ? static_cast<int>(op.taps.size()) : node.phases[static_cast<size_t>(phase) + 1]) - first;
        std::vector<const char*>& pointers = tap_pointers(i, op.up == 1 ? y * op.step : y / op.up * op.step, first, k);
        // In pieces, so that fetching ahead is spread over the line.
        const int64_t out_size = kSizeOf[static_cast<int>(op.dtype)], from_size = kSizeOf[static_cast<int>(from)];
        for (int64_t piece = 0, x = 0; piece < pieces_; ++piece) {
            const int64_t next = piece + 1 == pieces_ ? n : (n * (piece + 1) / pieces_) & -kAlign;
            some_taps(node, from, pointers.data(), first, k, out + x * out_size, next - x);
            if (next == n) break;
            for (int t = 0; t < k; ++t) pointers[static_cast<size_t>(t)] += (next - x) * from_size;
            x = next;
        }
    }

    // Where the k taps from `first` of an op begin, its inputs' rows counted from `row`.
    std::vector<const char*>& tap_pointers(int i, int64_t row, int first, int k) {
        const Op& op = program_.nodes_[i].op;
        std::vector<const char*>& pointers = lines_[i].pointers;
        if (steady_ && !lines_[i].places.empty()) {
            size_t t = 0;
            for (const Place& place : lines_[i].places)
                pointers[t++] = place.base + place.stride * ((row + place.row) & place.mask);
            return pointers;
        }
        const int64_t pixel = int64_t{op.channels} * kSizeOf[static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype)];
        int last_input = -1, last_dy = 0;
        const char* line = nullptr;
        for (int t = 0; t < k; ++t) {
            const Tap& tap = op.taps[static_cast<size_t>(first + t)];
            if (tap.input != last_input || tap.dy != last_dy) {
                line = input(op.inputs[static_cast<size_t>(tap.input)], row + tap.dy);
                last_input = tap.input;
                last_dy = tap.dy;
            }
            pointers[static_cast<size_t>(t)] = line + tap.dx * pixel;
        }
        return pointers;
    }

    // Row y of two vertical sums of the same rows.
    void produce_twins(int i, int j, int64_t y) {
        const Program::Node &a = program_.nodes_[i], &b = program_.nodes_[j];
        const int taps_a = static_cast<int>(a.op.taps.size()), taps_b = static_cast<int>(b.op.taps.size());
        std::vector<const char*>& p = tap_pointers(i, y, 0, taps_a);
        std::vector<const char*>& q = tap_pointers(j, y, 0, taps_b);
        char *to_a = slot(i, y), *to_b = slot(j, y);
        const int64_t n = lines_[i].width * a.op.channels;
        for (int64_t piece = 0, x = 0; piece < pieces_; ++piece) {
            const int64_t next = piece + 1 == pieces_ ? n : (n * (piece + 1) / pieces_) & -kAlign;
            fetch(2);
            row_.two_taps_u8_i16(reinterpret_cast<const uint8_t* const*>(p.data()), a.weights16.data(), taps_a,
                                 as<int16_t>(to_a) + x, reinterpret_cast<const uint8_t* const*>(q.data()),
                                 b.weights16.data(), taps_b, as<int16_t>(to_b) + x, next - x);
            if (next == n) break;
            for (const char*& pointer : p) pointer += next - x;
            for (const char*& pointer : q) pointer += next - x;
            x = next;
        }
        finish(i, y, to_a);
        finish(j, y, to_b);
    }

    // Row `row` of a sum and those after it that are not made yet.
    void produce_together(int i, int64_t row) {
        const Program::Node& node = program_.nodes_[i];
        Line& line = lines_[i];
        char* targets[kBlockRows] = {slot(i, row)};
        int rows = 1;
        for (; rows < node.together && row + rows < line.end; ++rows) {
            int64_t& held = line.rows[static_cast<size_t>(place(line, row + rows))];
            if (held == row + rows) break;
            held = row + rows;
            targets[rows] = slot(i, row + rows);
        }
        make_rows(i, row, targets, rows);
        for (int r = 0; r < rows; ++r) finish(i, row + r, targets[r]);
    }

    void make_rows(int i, int64_t row, char* const* targets, int rows) {
        const Program::Node& node = program_.nodes_[i];
        if (node.rectangle.height > 0) return dense(i, row, targets, rows);
        if (node.column >= 0) return make_strips(i, row, targets, rows);
        const int64_t n = lines_[i].width * node.op.channels;
        begin_columns(i, row, targets, rows);
        for (int64_t piece = 0, x = 0; piece < pieces_; ++piece) {
            const int64_t next = piece + 1 == pieces_ ? n : (n * (piece + 1) / pieces_) & -kAlign;
            fetch(rows);
            more_columns(i, rows, next - x);
            x = next;
        }
    }

    // Rows of a vertical sum, so many elements more at a time.
    void begin_columns(int i, int64_t row, char* const* targets, int rows) {
        const Op& op = program_.nodes_[i].op;
        const int count = static_cast<int>(op.taps.size()) + rows - 1;
        std::vector<const char*>& p = lines_[i].pointers;
        for (int t = 0; t < count; ++t) p[static_cast<size_t>(t)] = input(op.inputs[0], row + op.taps[0].dy + t);
        std::copy_n(targets, rows, columns_);
    }
    void more_columns(int i, int rows, int64_t n) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        const int k = static_cast<int>(op.taps.size());
        std::vector<const char*>& p = lines_[i].pointers;
        if (op.dtype == DType::i16)
            row_.columns_u8_i16(reinterpret_cast<const uint8_t* const*>(p.data()), node.weights16.data(), k,
                                static_cast<int16_t>(op.init), reinterpret_cast<int16_t* const*>(columns_), rows, n);
        else if (op.dtype == DType::f32)
            row_.columns_f32(reinterpret_cast<const float* const*>(p.data()), node.weights32.data(), k,
                             static_cast<float>(op.init), reinterpret_cast<float* const*>(columns_), rows, n);
        else
            row_.columns_f64(reinterpret_cast<const double* const*>(p.data()), node.weights64.data(), k, op.init,
                             reinterpret_cast<double* const*>(columns_), rows, n);
        const int64_t from_size = kSizeOf[static_cast<int>(program_.nodes_[op.inputs[0]].op.dtype)];
        for (int t = 0; t < k + rows - 1; ++t) p[static_cast<size_t>(t)] += n * from_size;
        for (int r = 0; r < rows; ++r) columns_[r] += n * kSizeOf[static_cast<int>(op.dtype)];
    }

    // Elements of the strips in which a row of sums along the row, and the vertical sum below it, are made.
    int64_t strip(const Program::Node& node) const {
        const DType dtype = program_.nodes_[static_cast<size_t>(node.column)].op.dtype;
        return std::max(kNarrowest, (kStrip / (node.together * kSizeOf[static_cast<int>(dtype)])) & -kAlign);
    }

    // Rows of sums along the rows of a vertical sum: the strips of the latter are a little ahead, so that all that is
    // read of them is there.
    void make_strips(int i, int64_t row, char* const* targets, int rows) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        const Program::Node& column = program_.nodes_[static_cast<size_t>(node.column)];
        const DType dtype = column.op.dtype;
        const int64_t size = kSizeOf[static_cast<int>(dtype)], out_size = kSizeOf[static_cast<int>(op.dtype)];
        const int64_t n = lines_[i].width * op.channels, pixel = op.channels * size;
        const int64_t halo = round_up(int64_t{column.pad} * op.channels, kAlign);
        int64_t width = strip(node);
        // The columns beyond the first end are copies of those of the first strip, but where images are wrapped.
        if (border_ == Border::wrap || halo > width) width = n;
        const int k = static_cast<int>(op.taps.size());
        std::vector<const char*>& p = lines_[i].pointers;
        char* lines[kBlockRows];
        for (int r = 0; r < rows; ++r) lines[r] = slot(node.column, row + r);
        begin_columns(node.column, row, lines, rows);
        for (int64_t x = 0, made = 0; x < n;) {
            const int64_t next = n - x <= width + halo ? n : x + width, need = next == n ? n : next + halo;
            more_columns(node.column, rows, need - made);
            made = need;
            if (x == 0 || next == n)
                for (int r = 0; r < rows; ++r) finish(node.column, row + r, lines[r]);
            for (int r = 0; r < rows; ++r) {
                for (int t = 0; t < k; ++t)
                    p[static_cast<size_t>(t)] = lines[r] + op.taps[static_cast<size_t>(t)].dx * pixel + x * size;
                some_taps(node, dtype, p.data(), 0, k, targets[r] + x * out_size, next - x);
            }
            x = next;
        }
    }

    // The sums under a rectangle of weights.
    void dense(int i, int64_t row, char* const* targets, int rows) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        std::vector<const char*>& p = lines_[i].pointers;
        const Tap& corner = op.taps.front();
        const int64_t left = int64_t{corner.dx} * op.channels * kSizeOf[static_cast<int>(op.dtype)];
        for (int t = 0; t < node.rectangle.height + rows - 1; ++t)
            p[static_cast<size_t>(t)] = input(op.inputs[0], row + corner.dy + t) + left;
        const int64_t n = lines_[i].width * op.channels, size = kSizeOf[static_cast<int>(op.dtype)];
        const int64_t pieces = rows * pieces_;
        char* out[kDenseRows];
        std::copy_n(targets, rows, out);
        for (int64_t piece = 0, x = 0; piece < pieces; ++piece) {
            int64_t next = n * (piece + 1) / pieces / kDenseWidth * kDenseWidth;
            if (n - next < kDenseWidth) next = n;  // the last piece is no short one
            fetch(1);
            if (next == x) continue;
            if (op.dtype == DType::f32)
                row_.dense_f32(reinterpret_cast<const float* const*>(p.data()), node.weights32.data(), node.rectangle,
                               static_cast<float>(op.init), reinterpret_cast<float* const*>(out), rows, next - x);
            else
                row_.dense_f64(reinterpret_cast<const double* const*>(p.data()), node.weights64.data(), node.rectangle,
                               op.init, reinterpret_cast<double* const*>(out), rows, next - x);
            for (int t = 0; t < node.rectangle.height + rows - 1; ++t) p[static_cast<size_t>(t)] += (next - x) * size;
            for (int r = 0; r < rows; ++r) out[r] += (next - x) * size;
            x = next;
        }
    }

    // A part of a row of sums, and its part of the fetching.
    void some_taps(const Program::Node& node, DType from, const char* const* p, int first, int k, char* out,
                   int64_t n) {
        if (!fetches(node)) {
            fetch(1);
            return sum_taps(node, from, p, first, k, out, n);
        }
        NextRows rows{source_.part(1), target_.part(1)};
        fetching_taps(node, reinterpret_cast<const int16_t* const*>(p), first, k, as<uint8_t>(out), n, rows);
        source_.finish(rows.source);
        target_.finish(rows.target);
    }

    void fetching_taps(const Program::Node& node, const int16_t* const* p, int first, int k, uint8_t* out, int64_t n,
                       NextRows& rows) {
        const Op& op = node.op;
        const int16_t* w = node.weights16.data() + first;
        if (op.kind == OpKind::gradient)
            return row_.gradient_u8(p, w, op.size, k - op.size, static_cast<float>(op.scale), out, n, &rows);
        row_.taps_i16_u8(p, w, k, static_cast<int32_t>(op.init), op.shift, out, n, &rows);
    }

    // The sum of the k taps from `first`, whose elements are at `p`.
    void sum_taps(const Program::Node& node, DType from, const void* p, int first, int k, char* out, int64_t n) {
        const Op& op = node.op;
        const auto p16 = static_cast<const int16_t* const*>(p);
        const int16_t* w16 = node.weights16.data() + first;
        if (op.saturated && from == DType::u8)
            return row_.taps_saturated_u8(static_cast<const uint8_t* const*>(p), w16, k, static_cast<int16_t>(op.init),
                                          as<uint8_t>(out), n);
        if (op.saturated)
            return row_.taps_saturated_i16(p16, w16, k, static_cast<int16_t>(op.init), as<uint8_t>(out), n);
        if (from == DType::u8)
            return row_.taps_u8_i16(static_cast<const uint8_t* const*>(p), w16, k, static_cast<int16_t>(op.init),
                                    as<int16_t>(out), n);
        if (node.along && along(node, p, k, out, n)) return;
        if (from == DType::f32)
            return row_.taps_f32(static_cast<const float* const*>(p), node.weights32.data() + first, k,
                                 static_cast<float>(op.init), as<float>(out), n);
        if (from == DType::f64)
            return row_.taps_f64(static_cast<const double* const*>(p), node.weights64.data() + first, k, op.init,
                                 as<double>(out), n);
        if (op.narrow)
            return row_.taps_narrow_u8(p16, w16, k, static_cast<int16_t>(static_cast<int32_t>(op.init)), op.shift,
                                       as<uint8_t>(out), n);
        if (op.dtype == DType::i32)
            return row_.taps_i16_i32(p16, w16, k, static_cast<int32_t>(op.init), as<int32_t>(out), n);
        return row_.taps_i16_i16(p16, w16, k, static_cast<int16_t>(op.init), as<int16_t>(out), n);
    }

    bool along(const Program::Node& node, const void* p, int k, char* out, int64_t n) {
        const Op& op = node.op;
        if (op.dtype == DType::f32)
            return row_.along_f32(*static_cast<const float* const*>(p), node.weights32.data(), k, op.channels,
                                  static_cast<float>(op.init), as<float>(out), n);
        return row_.along_f64(*static_cast<const double* const*>(p), node.weights64.data(), k, op.channels, op.init,
                              as<double>(out), n);
    }

    void decimate(int i, int64_t y, char* out, int64_t width) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        const int size = kSizeOf[static_cast<int>(op.dtype)], table = std::countr_zero(static_cast<unsigned>(size));
        const int64_t pixel = int64_t{op.channels} * size, pad = node.pad;
        const char* line = input(op.inputs[0], y * op.step);
        row_.decimate[table](line + (op.origin - pad * op.size) * pixel, op.size, op.channels, out - pad * pixel,
                             width + 2 * pad);
    }

    void interleave(int i, int64_t y, char* out, int64_t width) {
        const Op& op = program_.nodes_[i].op;
        const int size = kSizeOf[static_cast<int>(op.dtype)], table = std::countr_zero(static_cast<unsigned>(size));
        const int64_t pixel = int64_t{op.channels} * size, whole = width - std::max(0, op.extra);
        row_.interleave[table](reinterpret_cast<const void* const*>(all_inputs<char>(i, y)), op.size, op.channels, out,
                               whole);
        for (int64_t x = whole; x < width; ++x)
            std::memcpy(out + x * pixel, out + (whole - 1) * pixel, static_cast<size_t>(pixel));
    }

    // The running sum is the line of the row before, since lines are produced in order. What is not finite never leaves
    // a running sum: where there is some, each row is summed anew.
    void slide(int i, int64_t y, char* out, int64_t n) {
        const Program::Node& node = program_.nodes_[i];
        const Op& op = node.op;
        Line& line = lines_[i];
        const int source = op.inputs[0];
        const int64_t bytes = n * kSizeOf[static_cast<int>(op.dtype)];
        const int64_t top = y - op.origin, last = top + op.size - 1;
        const bool anew = node.block > 0 && (y % node.block == 0 || line.bad >= top - 1);
        if (line.sum == nullptr || constant_ || anew) {
            std::memset(out, 0, static_cast<size_t>(bytes));
            for (int64_t row = top; row <= last; ++row) slide_row(i, row, input(source, row), nullptr, out, n);
        } else {
            const char* enter = input(source, last);
            const char* leave = input(source, top - 1);
            if (line.sum != out) std::memcpy(out, line.sum, static_cast<size_t>(bytes));
            slide_row(i, last, enter, leave, out, n);
        }
        if (!constant_) line.sum = out;
    }

    // Row `row` enters.
    void slide_row(int i, int64_t row, const char* enter, const char* leave, char* out, int64_t n) {
        const Op& op = program_.nodes_[i].op;
        switch (program_.nodes_[op.inputs[0]].op.dtype) {
            case DType::u8:
                if (op.dtype == DType::u16)
                    return row_.slide_u8_u16(reinterpret_cast<const uint8_t*>(enter),
                                             reinterpret_cast<const uint8_t*>(leave), as<uint16_t>(out), n);
                return row_.slide_u8_i32(reinterpret_cast<const uint8_t*>(enter),
                                         reinterpret_cast<const uint8_t*>(leave), as<int32_t>(out), n);
            case DType::u16:
                return row_.slide_u16_i32(reinterpret_cast<const uint16_t*>(enter),
                                          reinterpret_cast<const uint16_t*>(leave), as<int32_t>(out), n);
            case DType::i16:
                return row_.slide_i16_i32(reinterpret_cast<const int16_t*>(enter),
                                          reinterpret_cast<const int16_t*>(leave), as<int32_t>(out), n);
            default:
                if (!row_.slide_f32_f64(reinterpret_cast<const float*>(enter), reinterpret_cast<const float*>(leave),
                                        as<double>(out), n) &&
                    !constant_)
                    lines_[i].bad = std::max(lines_[i].bad, row);
        }
    }

    void window(int i, int64_t y, char* out, int64_t n) {
        const Op& op = program_.nodes_[i].op;
        const int step = op.channels;
        const DType from = program_.nodes_[op.inputs[0]].op.dtype;
        const char* line = input(op.inputs[0], y) - int64_t{op.origin} * step * kSizeOf[static_cast<int>(from)];
        if (program_.runs_along(op)) return window_along(i, y, line, out, n);
        char* scratch = lines_[i].scratch;
        if (op.dtype == DType::f32)
            return row_.window_f32(reinterpret_cast<const float*>(line), op.size, step, as<float>(scratch),
                                   as<float>(out), n);
        return row_.window_f64(reinterpret_cast<const double*>(line), op.size, step, as<double>(scratch),
                               as<double>(out), n);
    }

    // `line` is where the window of pixel 0 begins. Sums that no loop makes pixels of are rounded in pieces, while they
    // are near.
    void window_along(int i, int64_t y, const char* line, char* out, int64_t n) {
        const Op& op = program_.nodes_[i].op;
        const Program::Node& input = program_.nodes_[op.inputs[0]];
        const DType from = input.op.dtype, sums = from == DType::f64 ? from : op.narrow ? DType::u16 : DType::i32;
        const int source = static_cast<int>(from), type = static_cast<int>(op.dtype);
        const bool finite = from != DType::f64 || (lines_[op.inputs[0]].bad < y - input.op.origin && finite_outside_);
        const auto sum = row_.window_sums[source][static_cast<int>(sums)];
        if (finite) {
            if (op.narrow && op.dtype == DType::u8)
                return row_.window_u16_u8(reinterpret_cast<const uint16_t*>(line), op.size, op.channels,
                                          static_cast<uint16_t>(op.init), static_cast<uint16_t>(op.scale), op.shift,
                                          as<uint8_t>(out), n);
            if (sums == op.dtype && op.affine.scale == 1.0 && op.affine.bias == 0.0)
                return sum(line, op.size, op.channels, out, n);
            if (const auto pixels = row_.window_pixels[source][type];
                pixels != nullptr && op.affine.rounding == Rounding::half_even && !op.affine.wide)
                return pixels(line, op.size, op.channels, op.affine, out, n);
        }
        char* piece = lines_[i].scratch;
        const int64_t size = kSizeOf[static_cast<int>(sums)],
                      most = std::max(kSums / size / op.channels, int64_t{1}) * op.channels;
        for (int64_t x = 0; x < n; x += most) {
            const int64_t count = std::min(most, n - x);
            const char* at = line + x * kSizeOf[source];
            if (finite)
                sum(at, op.size, op.channels, piece, count);
            else
                sum_window(i, at, as<double>(piece), count);
            row_.convert[static_cast<int>(sums)][type](piece, op.affine, out + x * kSizeOf[type], count);
        }
    }

    // Windows of lines that are not all finite: pixel by pixel.
    void sum_window(int i, const char* line, double* out, int64_t n) {
        const Op& op = program_.nodes_[i].op;
        const std::vector<double> ones(static_cast<size_t>(op.size), 1.0);
        std::vector<const double*> pixels;
        for (int64_t t = 0; t < op.size; ++t) pixels.push_back(reinterpret_cast<const double*>(line) + t * op.channels);
        row_.taps_f64(pixels.data(), ones.data(), op.size, 0.0, out, n);
    }

    void magnitude(int i, int64_t y, char* out, int64_t n) {
        const Op& op = program_.nodes_[i].op;
        const int k = static_cast<int>(op.inputs.size());
        if (op.dtype == DType::f32)
            return row_.magnitude_f32(all_inputs<float>(i, y), k, static_cast<float>(op.scale), as<float>(out), n);
        return row_.magnitude_f64(all_inputs<double>(i, y), k, op.scale, as<double>(out), n);
    }

    void maximum(int i, int64_t y, char* out, int64_t n) {
        const Op& op = program_.nodes_[i].op;
        const int k = static_cast<int>(op.inputs.size());
        if (op.dtype == DType::i16)
            return row_.maximum_i16(all_inputs<int16_t>(i, y), k, op.absolute, as<int16_t>(out), n);
        if (op.dtype == DType::f32) return row_.maximum_f32(all_inputs<float>(i, y), k, op.absolute, as<float>(out), n);
        return row_.maximum_f64(all_inputs<double>(i, y), k, op.absolute, as<double>(out), n);
    }

    const Program& program_;
    const View& in_;
    const View& out_;
    const Border border_;
    const double cval_;
    const RowKernels& row_;
    Block block_;
    std::vector<Line> lines_;
    std::vector<int64_t> left_, right_;  // the columns that stand for those beyond the ends
    char* columns_[kBlockRows] = {};     // where a vertical sum's rows go on
    // Whether the image's rows are loaded into lines for a sum under a rectangle: it fetches those of its next rows.
    const bool loaded_;
    const bool finite_outside_;  // what lies beyond the image's border
    bool constant_ = false, steady_ = false;
    Fetch source_, target_;
    int64_t pieces_ = 1;
    int64_t ahead_ = 1;      // rows
    bool fetching_ = false;  // whether image and output are far enough for it to pay
};

void sweep(const Program& program, const View& in, const View& out, Border border, double cval, int64_t first,
           int64_t last) {
    Sweep(program, in, out, border, cval).run(first, last);
}

}  // namespace imgfilt
