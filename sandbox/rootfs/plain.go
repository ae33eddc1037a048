package rootfs

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/erofs/go-erofs"
)

// What of the EROFS on-disk format is needed here
// (https://docs.kernel.org/filesystems/erofs.html#on-disk-layout).
const (
	superblock   = 1024 // where it begins
	sbBlocks     = 36   // u32: blocks of the image
	sbMeta       = 40   // u32: block where the inodes begin
	blockBytes   = 4096
	nidBytes     = 32 // an inode begins at its number times this
	inodeFormat  = 0  // u16: bit 0 extended, bits 1 to 3 the layout of the data
	inodeBlock   = 16 // u32: block where plain data begins
	layoutPlain  = 0
	layoutInline = 2
	layoutMask   = 7 << 1
)

// moveInlineData gives every small file of the image f blocks of its own. The
// writer puts the data of files under a block behind their inodes, where gVisor
// cannot map it: such a program dies of SIGBUS at its first instruction.
func moveInlineData(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	var sb [128]byte
	if _, err := f.ReadAt(sb[:], superblock); err != nil {
		return err
	}
	meta := int64(binary.LittleEndian.Uint32(sb[sbMeta:])) * blockBytes
	next := (end + blockBytes - 1) / blockBytes

	image, err := erofs.Open(f)
	if err != nil {
		return err
	}
	err = fs.WalkDir(image, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*erofs.Stat)
		if !ok {
			return fmt.Errorf("%s: its inode is not known", name)
		}
		if st.InodeLayout != layoutInline || st.Size == 0 {
			return nil
		}
		data, err := fs.ReadFile(image, name)
		if err != nil {
			return err
		}
		if err := makePlain(f, meta+st.Ino*nidBytes, next, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		next += int64(len(data)+blockBytes-1) / blockBytes
		return nil
	})
	if err != nil {
		return fmt.Errorf("moving small files to blocks: %w", err)
	}
	if err := f.Truncate(next * blockBytes); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(sb[sbBlocks:], uint32(next))
	_, err = f.WriteAt(sb[:], superblock)
	return err
}

// makePlain writes data to block and points the inode at it.
func makePlain(f *os.File, inode, block int64, data []byte) error {
	if _, err := f.WriteAt(data, block*blockBytes); err != nil {
		return err
	}
	var head [nidBytes]byte
	if _, err := f.ReadAt(head[:], inode); err != nil {
		return err
	}
	format := binary.LittleEndian.Uint16(head[inodeFormat:])
	binary.LittleEndian.PutUint16(head[inodeFormat:], format&^layoutMask|layoutPlain<<1)
	binary.LittleEndian.PutUint32(head[inodeBlock:], uint32(block))
	_, err := f.WriteAt(head[:], inode)
	return err
}
