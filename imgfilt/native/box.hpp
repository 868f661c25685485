// Programs that do no more than to sum the pixels under a rectangle and make pixels of the sums: one loop does it all.
#pragma once

#include <optional>
#include <vector>

#include "types.hpp"

namespace imgfilt {

struct Op;

// The mean of `height` times `size` pixels from (y - top, x - origin) on.
struct Box {
    DType dtype = DType::u8;
    int channels = 1, height = 1, top = 0, size = 1, origin = 0;
    // See BoxRows.
    bool narrow = false, wide = false;
    uint16_t add = 0, multiplier = 0;
    int shift = 0;
    double scale = 1.0;
};

// What a program does, where it is no more than that and there is a loop for it.
std::optional<Box> box_of(const std::vector<Op>& ops);

// Rows first .. last - 1 of the output. Both images have the elements of a row side by side.
void box_stripe(const Box& box, const View& in, const View& out, Border border, double cval, int64_t first,
                int64_t last);

}  // namespace imgfilt
