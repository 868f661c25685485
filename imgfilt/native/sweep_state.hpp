// One thread's run of a row program: its lines in their rings, and what all parts of the sweep ask of them.
#pragma once

#include <vector>

#include "border.hpp"
#include "lines.hpp"
#include "program.hpp"
#include "sweep_ahead.hpp"

namespace imgfilt {

class Sweep {
  public:
    // To make rows first .. last - 1 of the output.
    Sweep(const Program& program, const View& in, const View& out, Border border, double cval, int64_t first,
          int64_t last);
    ~Sweep() { give_back(std::move(block_)); }
    Sweep(const Sweep&) = delete;
    Sweep& operator=(const Sweep&) = delete;

    void run();

  private:
    // Where an element of a row is: at `base` + `stride` * (row + `row` & `mask`).
    struct Place {
        const char* base;
        int64_t stride, mask, row;
    };

    static constexpr int64_t kDivides = INT64_MIN;  // a mask that is none

    struct Line {
        char* base = nullptr;     // depth + 1 lines; the last is the constant one
        char* scratch = nullptr;  // window: a piece of the sums, or two lines
        int64_t stride = 0, lead = 0, depth = 0, width = 0;
        int64_t mask = kDivides;            // finds a row's place: depth - 1, or all ones in a plane
        int64_t end = 0;                    // after the last row that is needed of a line whose rows come in blocks
        int64_t next = 0;                   // the next row of the image to be read, or of a running sum to be made
        int64_t steady = 0;                 // the next row to be made far from the borders
        std::vector<int64_t> rows;          // the row that each place of the ring holds
        bool direct = false;                // rows are the image's own
        bool apart = false;                 // direct, and what the ring holds is the rows' ends
        char* sum = nullptr;                // slide: the line of the row before
        int64_t bad = INT64_MIN;            // slide: the last row that was not all finite
        std::vector<const char*> pointers;  // taps, or inputs, of the row in work
        std::vector<Place> places;          // of the taps, where their inputs' rows are found without dividing
        char* plane = nullptr;              // its first row
        int64_t pitch = 0, gap = 0;         // of a plane: pixels from one row to the next, and beyond either end
        int64_t capacity = 0, made = 0;     // rows, and the row after the last
        bool wide = false;                  // columns beyond the image's are made like any other
        bool in_one = false;                // all rows of a plane are made in one call
    };

    // Which rows are made when: sweep.cpp.
    void make_lines();
    void run_lines();
    void run_together(bool in_place, bool stream);
    const char* produce_at(int i, int64_t row);
    const char* read(int i, int64_t row);
    void find_inner(int64_t& from, int64_t& to) const;
    void prepare(int64_t y);
    void produce_steadily(int64_t y, char* target);
    void produce_next(int i, int64_t row);
    void find_places(int i);

    // Of narrow images many rows in one call: sweep_planes.cpp.
    void plan_planes();
    void make_planes();
    bool in_one(int i) const;
    static void put(Line& line, int64_t top);
    void run_planes();
    void turn(int i, int64_t y);
    void make_plane(int i, int64_t from, int64_t to);
    void make_rows_of(int i, int64_t from, int64_t to);
    void make_result(int64_t from, int64_t to);
    void save_row(int64_t y, const char* made);
    void extend_rows(int i, int64_t from, int64_t to);
    void fill(int i, int64_t row);

    // Rows and columns outside the image: sweep_borders.cpp.
    // Columns beyond both ends of a line.
    void finish(int i, int64_t row, char* line) {
        const int pad = program_.nodes_[static_cast<size_t>(i)].pad;
        if (pad > 0 && block_rows_ == 0) extend(i, row, line, pad, 1);
    }
    void extend(int i, int64_t row, char* line, int pad, int64_t rows);
    template <size_t Size>
    void copy_columns(int pad, char* line, int64_t size, int64_t rows, int64_t stride) const;
    void make_columns();
    const char* phase_constant(int i, int64_t row);
    void make_constant(int i);
    void widen_constant(int i);

    // The ends of rows that are read in place: sweep_ends.cpp.
    bool has_ends() const;
    void make_end_columns();
    template <size_t Size>
    void copy_end_columns(const char* row, char* line, int64_t pixel) const;
    void copy_ends(int64_t y, char* line) const;
    const char* ends(int64_t row);
    int64_t sum_ends(int i, int64_t row, char* const* targets, int rows);

    // Row y of op i: sweep_ops.cpp.
    void produce(int i, int64_t y, char* out);
    void decimate(int i, int64_t y, char* out, int64_t width);
    void interleave(int i, int64_t y, char* out, int64_t width);
    void magnitude(int i, int64_t y, char* out, int64_t n);
    void maximum(int i, int64_t y, char* out, int64_t n);
    void combine(int i, int64_t y, char* out, int64_t n);
    void sharpen(int i, int64_t y, char* out, int64_t n);
    int type_of(int i) const { return static_cast<int>(program_.nodes_[static_cast<size_t>(i)].op.dtype); }

    // Running sums: sweep_windows.cpp.
    void slide(int i, int64_t y, char* out, int64_t n);
    void slide_row(int i, int64_t row, const char* enter, const char* leave, char* out, int64_t n);
    void window(int i, int64_t y, char* out, int64_t n);
    void window_along(int i, int64_t y, const char* line, char* out, int64_t n);
    void sum_window(int i, const char* line, double* out, int64_t n);

    // Weighted sums: sweep_taps.cpp.
    static bool fetches(const Program::Node& node);
    void taps(int i, int64_t y, char* out, int64_t n);
    void taps_across(int i, std::vector<const char*>& pointers, int k, char* out);
    std::vector<const char*>& tap_pointers(int i, int64_t row, int first, int k);
    void some_taps(const Program::Node& node, DType from, const char* const* p, int first, int k, char* out, int64_t n);
    void fetching_taps(const Program::Node& node, const int16_t* const* p, int first, int k, uint8_t* out, int64_t n,
                       NextRows& rows);
    void sum_taps(const Program::Node& node, DType from, const void* p, int first, int k, char* out, int64_t n);
    bool along(const Program::Node& node, const void* p, int k, char* out, int64_t n);
    void gradient(const Program::Node& node, const float* const* p, int k, char* out, int64_t n);

    // Several rows of them at once: sweep_blocks.cpp.
    void produce_twins(int i, int j, int64_t y);
    void produce_together(int i, int64_t row);
    void make_rows(int i, int64_t row, char* const* targets, int rows);
    void begin_columns(int i, int64_t row, char* const* targets, int rows);
    void more_columns(int i, int rows, int64_t n);
    int64_t strip(const Program::Node& node) const;
    void make_strips(int i, int64_t row, char* const* targets, int rows);
    void dense(int i, int64_t row, char* const* targets, int rows);
    void sum_rectangle(const Program::Node& node, const char* const* p, char* const* out, int rows, int64_t n);

    // Rows are numbered 0 .. height - 1, and the border says which stands for one outside; else rows outside
    // have lines of their own. Rows that were enlarged or skipped are read one by one.
    bool is_real(const Program::Node& node) const {
        return node.op.extended && border_ != Border::wrap && node.reach > 0;
    }

    static int64_t place(const Line& line, int64_t row) {
        return line.mask != kDivides ? row & line.mask : ((row % line.depth) + line.depth) % line.depth;
    }
    char* slot(int i, int64_t row) const {
        const Line& line = lines_[static_cast<size_t>(i)];
        return line.base + line.stride * place(line, row) + line.lead;
    }
    char* constant(int i) const {
        const Line& line = lines_[static_cast<size_t>(i)];
        return line.base + line.stride * line.depth + line.lead;
    }
    const char* made_row(int i, int64_t row) const {
        return lines_[static_cast<size_t>(i)].direct ? in_.data + row * in_.row : slot(i, row);
    }

    // Element 0 of row `row` of an input's lines.
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
        const Op& op = program_.nodes_[static_cast<size_t>(i)].op;
        std::vector<const char*>& pointers = lines_[static_cast<size_t>(i)].pointers;
        for (size_t t = 0; t < op.inputs.size(); ++t) pointers[t] = input(op.inputs[t], row);
        return reinterpret_cast<const T* const*>(pointers.data());
    }

    template <class T>
    static T* as(char* p) {
        return reinterpret_cast<T*>(p);
    }

    const Program& program_;
    const View& in_;
    const View& out_;
    const Border border_;
    const double cval_;
    const int64_t first_, last_;
    const RowKernels& row_;
    Block block_;
    std::vector<Line> lines_;
    std::vector<int64_t> left_, right_;  // the columns that stand for those beyond the ends
    std::vector<int64_t> end_columns_;   // bytes from a row's beginning to those of its short line
    char* columns_[kBlockRows] = {};     // where a vertical sum's rows go on
    // Whether the image's rows are loaded into lines for a sum under a rectangle: it fetches those of its next rows.
    const bool loaded_;
    const bool finite_outside_;  // what lies beyond the image's border
    bool far_ = false;           // whether all lines together leave the first cache
    bool constant_ = false, steady_ = false;
    int64_t block_rows_ = 0;  // of the result, for which planes are made at a time; 0 where there are none
    int64_t pieces_ = 1;      // of a line, between which later rows are fetched
    Fetcher ahead_;
};

}  // namespace imgfilt
